/**
 * Serves a filter's listener in a thread of its own, which does nothing else: tsbox is free to wait for
 * the box meanwhile, and the box for nobody but this. It ends when no process has the filter any more,
 * or when tsbox closes its end of the pipe; a call that nobody answers fails by ENOSYS.
 */
import { closeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { seccompActions } from '../abi/seccomp.ts';
import { knownArch, syscallNumbers } from '../abi/syscalls.ts';
import { answer, kill, type Notification, receive, threadName } from '../linux/listener.ts';
import { waitFor } from '../linux/poll.ts';
import { actionOf, verdict } from './verdict.ts';
import { callKey, type DeniedCall, type HeardCall, type WatchOrder } from './watch.ts';

const { listener, over, judge, telling, untaken } = workerData as WatchOrder;

/** What tsbox-init calls before the first execve is not the workload's. */
const FIRST = syscallNumbers[knownArch(process.arch) ?? 'x64'].execve;
let begun = false;

/** More than programs make: a box that makes up numbers does not fill tsbox's memory. */
const MAX_HEARD = 4096;
const heard = new Map<string, HeardCall>();

/** Denials that tsbox has not taken yet; a box that makes more of them waits. */
const MAX_UNTAKEN = 256;

try {
  serve();
} finally {
  closeSync(listener);
  parentPort?.postMessage([...heard.values()]);
}

function serve(): void {
  for (;;) {
    const { readable, closed } = waitFor([listener, over]);
    const made = readable.includes(listener) ? receive(listener) : undefined;
    if (made !== undefined) judgeCall(made);
    else if (readable.includes(over) || closed.length > 0) return;
  }
}

/** What the filter asks of is denied or, where all is recorded, allowed. */
function judgeCall(made: Notification): void {
  const answered = verdict(judge, made);
  switch (actionOf(answered)) {
    case seccompActions.SCMP_ACT_KILL_PROCESS:
    case seccompActions.SCMP_ACT_KILL_THREAD:
      tell({ ...made, errno: undefined });
      kill(listener, made);
      break;
    case seccompActions.SCMP_ACT_ERRNO: {
      const errno = answered & 0xffff;
      tell({ ...made, errno });
      hear({ ...made, errno });
      answer(listener, made, { kind: 'errno', errno });
      break;
    }
    default:
      hear({ ...made, errno: 0 });
      answer(listener, made, { kind: 'go on' });
  }
}

function hear({ arch, number, errno, args }: HeardCall): void {
  begun ||= number === FIRST;
  if (!begun) return;
  const key = callKey({ arch, number });
  const words = (telling.get(key) ?? []).map((index) => args[index]);
  if (heard.size < MAX_HEARD)
    heard.set([key, errno, ...words].join(' '), { arch, number, errno, args });
}

function tell({
  id,
  pid,
  arch,
  number,
  args,
  errno,
}: Notification & Pick<DeniedCall, 'errno'>): void {
  const comm = threadName(listener, { id, pid });
  parentPort?.postMessage({ arch, number, args, pid, comm, errno } satisfies DeniedCall);
  const others = Atomics.add(untaken, 0, 1) + 1;
  // Not for long: tsbox itself may be waiting for the box.
  if (others > MAX_UNTAKEN) Atomics.wait(untaken, 0, others, 100);
}
