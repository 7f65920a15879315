/** Hears of the calls of a box by its filter's listener, which a thread serves (watcher.ts). */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { socketPair } from '../linux/unix-socket.ts';

export interface HeardCall {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly arch: number;
  readonly number: number;
  /** 0 for a call that was allowed. */
  readonly errno: number;
  /** As they are in registers. */
  readonly args: readonly bigint[];
}

/** What became of a call that was not made. */
export type Denial =
  | { readonly kind: 'errno'; readonly errno: number }
  /** Left to a tracer, of which a listener knows nothing. */
  | { readonly kind: 'untraced'; readonly traced: boolean }
  /** @member told whether the handler is told the call. */
  | { readonly kind: 'trapped'; readonly told: boolean }
  | {
      readonly kind: 'killed';
      /** On the host. */
      readonly process: number;
      readonly by: 'SIGSYS' | 'SIGKILL';
      /** Whether there were other threads that the profile would have let live. */
      readonly others: boolean;
    };

export interface DeniedCall extends Omit<HeardCall, 'errno'> {
  readonly denial: Denial;
  /** Of the thread, on the host, and its name, of printable characters; undefined when it has ended. */
  readonly pid: number;
  readonly comm: string | undefined;
}

export function callKey({ arch, number }: Pick<HeardCall, 'arch' | 'number'>): string {
  return `${arch} ${number}`;
}

/** What the thread is told. */
export interface WatchOrder {
  readonly listener: number;
  /** Has no other end any more when it shall end. */
  readonly over: number;
  /** The filter by which calls are answered. */
  readonly judge: Uint8Array;
  /** Which arguments tell calls apart, by {@link callKey}; none of others. */
  readonly telling: ReadonlyMap<string, readonly number[]>;
  /** How many denials were told and not taken yet. */
  readonly untaken: Int32Array;
}

export interface CallWatch {
  /** Settles with the calls that were heard, each once, when all is told; no process of the box may be left. */
  end(): Promise<readonly HeardCall[]>;
}

/** @param order whose listener is closed at the end. @param denied told of each call that is refused. */
export function startWatch(
  order: Pick<WatchOrder, 'listener' | 'judge' | 'telling'>,
  denied: (call: DeniedCall) => void,
): CallWatch {
  const [mine, theirs] = socketPair();
  const untaken = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(`${import.meta.dirname}/watcher.cjs`, {
    workerData: { ...order, over: theirs, untaken } satisfies WatchOrder,
    // The listener is not the thread's own, and Node would warn when it closes it.
    trackUnmanagedFds: false,
  });
  let heard: readonly HeardCall[] = [];
  worker.on('message', (message: DeniedCall | readonly HeardCall[]) => {
    if (Array.isArray(message)) heard = message;
    else {
      denied(message as DeniedCall);
      Atomics.sub(untaken, 0, 1);
      Atomics.notify(untaken, 0);
    }
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
      return heard;
    },
  };
}
