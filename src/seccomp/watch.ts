/** Hears of the calls of a box by its filter's listener, which a thread serves (watcher.ts). */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { socketPair } from '../linux/unix-socket.ts';

export interface CallNumber {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly arch: number;
  readonly number: number;
}

export interface DeniedCall extends CallNumber {
  readonly args: readonly bigint[];
  /** Of the thread, on the host, and its name. */
  readonly pid: number;
  readonly name: string;
  readonly errno: number;
}

/** What the thread is told. */
export interface WatchOrder {
  readonly listener: number;
  /** Has no other end any more when it shall end. */
  readonly over: number;
  /** The filter by which calls are refused; without, all are recorded and go on. */
  readonly judge: Uint8Array | undefined;
  /** How many calls are made by tsbox-init before the workload's program. */
  readonly unrecorded: number;
}

export interface Watch {
  /** Settles with the calls that were recorded, when all is told; no process of the box may be left. */
  end(): Promise<readonly CallNumber[]>;
}

/** @param order whose listener is closed at the end. @param denied told of each call that is refused. */
export function startWatch(
  order: Omit<WatchOrder, 'over'>,
  denied: (call: DeniedCall) => void,
): Watch {
  const [mine, theirs] = socketPair();
  const worker = new Worker(`${import.meta.dirname}/watcher.cjs`, {
    workerData: { ...order, over: theirs } satisfies WatchOrder,
    // The listener is not the thread's own, and Node would warn when it closes it.
    trackUnmanagedFds: false,
  });
  let recorded: readonly CallNumber[] = [];
  worker.on('message', (message: DeniedCall | readonly CallNumber[]) => {
    if (Array.isArray(message)) recorded = message;
    else denied(message as DeniedCall);
  });
  const ended = new Promise<void>((settle, fail) => {
    worker.once('exit', () => settle());
    worker.once('error', fail);
  });
  // It is looked at by end(), which comes whatever happens.
  ended.catch(() => undefined);
  return {
    end: async () => {
      closeSync(mine);
      try {
        await ended;
      } finally {
        closeSync(theirs);
      }
      return recorded;
    },
  };
}
