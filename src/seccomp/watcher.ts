/**
 * Serves a filter's listener in a thread of its own, which does nothing else: tsbox is free to wait for
 * the box meanwhile, and the box for nobody but this. It ends when no process has the filter any more,
 * or when tsbox closes its end of the pipe; a call that nobody answers fails by ENOSYS.
 */
import { closeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type Answer, answer, type Notification, receive, threadName } from '../linux/listener.ts';
import { waitFor } from '../linux/poll.ts';
import { verdict } from './verdict.ts';
import type { CallNumber, DeniedCall, WatchOrder } from './watch.ts';

const { listener, over, judge, unrecorded } = workerData as WatchOrder;
const seen = new Map<string, CallNumber>();
let left = unrecorded;

try {
  serve();
} finally {
  closeSync(listener);
  parentPort?.postMessage([...seen.values()]);
}

function serve(): void {
  for (;;) {
    const { readable, closed } = waitFor([listener, over]);
    const made = readable.includes(listener) ? receive(listener) : undefined;
    if (made !== undefined)
      answer(listener, made, judge === undefined ? record(made) : refuse(made, judge));
    else if (readable.includes(over) || closed.length > 0) return;
  }
}

/** The filter below this one has allowed it. */
function record({ arch, number }: Notification): Answer {
  if (left > 0) left--;
  else seen.set(`${arch} ${number}`, { arch, number });
  return { kind: 'go on' };
}

function refuse(made: Notification, program: Uint8Array): Answer {
  // The filter asks only where this is SECCOMP_RET_ERRNO.
  const errno = verdict(program, made) & 0xffff;
  const { pid, arch, number, args } = made;
  const denied: DeniedCall = { arch, number, args, pid, name: threadName(pid), errno };
  parentPort?.postMessage(denied);
  return { kind: 'errno', errno };
}
