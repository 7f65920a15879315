/**
 * Serves a filter's listener in a thread of its own, which does nothing else: tsbox is free to wait for
 * the box meanwhile, and the box for nobody but this. It ends when no process has the filter any more,
 * or when tsbox closes its end of the pipe; a call that nobody answers fails by ENOSYS.
 */
import { closeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { errnoNumber } from '../abi/errno.ts';
import { seccompActions } from '../abi/seccomp.ts';
import { knownArch, syscallNumbers } from '../abi/syscalls.ts';
import { answer, type Notification, receive } from '../linux/listener.ts';
import { waitFor } from '../linux/poll.ts';
import { trap } from '../linux/trap.ts';
import { endProcess, factsOf, type ThreadFacts } from '../linux/waiting-thread.ts';
import { actionOf, verdict } from './verdict.ts';
import { callKey, type Denial, type DeniedCall, type HeardCall, type WatchOrder } from './watch.ts';

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
  const action = actionOf(answered);
  if (action === seccompActions.SCMP_ACT_ALLOW || action === seccompActions.SCMP_ACT_LOG) {
    hear({ ...made, errno: 0 });
    answer(listener, made, { kind: 'go on' });
    return;
  }
  const facts = factsOf(listener, made);
  tell(made, facts, deny(made, facts, answered));
}

function deny(made: Notification, facts: ThreadFacts | undefined, answered: number): Denial {
  const data = answered & 0xffff;
  switch (actionOf(answered)) {
    case seccompActions.SCMP_ACT_ERRNO:
      return fail(made, data);
    case seccompActions.SCMP_ACT_TRACE:
      fail(made, errnoNumber('ENOSYS'));
      return { kind: 'untraced', traced: facts?.traced === true };
    case seccompActions.SCMP_ACT_TRAP:
      if (facts?.sigsys === 'is caught')
        return { kind: 'trapped', told: trap(listener, made, facts, data) };
      return end(made, facts, false);
    case seccompActions.SCMP_ACT_KILL_THREAD:
      return end(made, facts, facts !== undefined && facts.threads > 1);
    default:
      return end(made, facts, false);
  }
}

function fail(made: Notification, errno: number): Denial {
  hear({ ...made, errno });
  answer(listener, made, { kind: 'errno', errno });
  return { kind: 'errno', errno };
}

function end(made: Notification, facts: ThreadFacts | undefined, others: boolean): Denial {
  const by = endProcess(listener, made, facts);
  return { kind: 'killed', process: facts?.process ?? made.pid, by, others };
}

function hear({ arch, number, errno, args }: HeardCall): void {
  begun ||= number === FIRST;
  if (!begun) return;
  const key = callKey({ arch, number });
  const words = (telling.get(key) ?? []).map((index) => args[index]);
  if (heard.size < MAX_HEARD)
    heard.set([key, errno, ...words].join(' '), { arch, number, errno, args });
}

function tell(
  { pid, arch, number, args }: Notification,
  facts: ThreadFacts | undefined,
  denial: Denial,
): void {
  const told: DeniedCall = { arch, number, args, pid, comm: facts?.comm, denial };
  parentPort?.postMessage(told);
  const others = Atomics.add(untaken, 0, 1) + 1;
  // Not for long: tsbox itself may be waiting for the box.
  if (others > MAX_UNTAKEN) Atomics.wait(untaken, 0, others, 100);
}
