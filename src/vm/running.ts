/** A machine whose workload runs, as a sandbox. */
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeReport } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { Exit, Sandbox } from '../sandbox/sandbox.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import { onOneClock, stepPhases, type Timeline } from '../sandbox/timeline.ts';
import type { Machine } from './machine.ts';
import type { End } from './session.ts';

/** One whose init has come to the workload. */
export interface Begun {
  readonly machine: Machine;
  /** The plan with which it has booted, unless it comes from a template. */
  readonly booted?: { readonly steps: readonly Step[]; readonly report: Uint8Array };
  /** Those of the plan that begins the workload. */
  readonly steps: readonly Step[];
  /** What its init has carried out when it went on with a workload that was saved. */
  readonly renewed?: { readonly steps: readonly Step[]; readonly report: Uint8Array };
  /** Number of the workload's process in the guest. */
  readonly process: number;
}

/** @param remove everything that is left of it, once it has ended. */
export function runningMachine(
  id: string,
  begun: Begun,
  timeline: Timeline,
  remove: () => Promise<void>,
): Sandbox {
  const { machine, steps } = begun;
  return {
    id,
    pid: machine.pid,
    vmm: machine.vmm,
    timeline,
    signal: (signal) => machine.session.signal(signal),
    resize: (size) => machine.session.resize(size),
    wait: async () => {
      const gone = Promise.race([
        machine.gone.then((): End => ({ kind: 'broken', why: 'QEMU ended' })),
        machine.monitor.stopped.then((): End => ({ kind: 'broken', why: 'QEMU stopped it' })),
      ]);
      const over = new AbortController();
      // What the guest said last may still be on its way when QEMU is gone already.
      const late = gone.then((end) => delayed(end, over.signal));
      const end = await Promise.race([machine.session.end, late]);
      over.abort();
      const [words, short] = [machine.lastWords(), machine.lacksMemory()];
      markEnd(timeline, begun, end);
      await machine.end();
      await remove();
      timeline.mark('clean-up');
      if (end.kind === 'broken' && short) throw outOfMemory(words);
      return toExit(end, steps, words);
    },
  };
}

/** Milliseconds. */
const GRACE = 200;

/** Without an end to it the timer would keep tsbox running. */
async function delayed(end: End, over: AbortSignal): Promise<End> {
  await sleep(GRACE, undefined, { signal: over }).catch(() => undefined);
  return end;
}

function markEnd(timeline: Timeline, begun: Begun, end: End): void {
  if (end.kind !== 'ended') return;
  const { offset } = begun.machine.session;
  markBegin(timeline, begun, end.report, offset);
  timeline.mark('workload', end.exit.now + offset);
}

/** @param last the report of the plan that began the workload. */
function markBegin(
  timeline: Timeline,
  { booted, renewed, steps }: Begun,
  last: Uint8Array,
  offset: bigint,
): void {
  const mark = (
    [before, name]: readonly [string, string],
    carriedOut: { readonly steps: readonly Step[]; readonly report: Uint8Array },
  ): void => {
    const told = decodeReport(carriedOut.report);
    if (told === undefined) return;
    const report = onOneClock(carriedOut.steps, told);
    if (before !== '') timeline.mark(before, report.started + offset);
    timeline.mark(name, report.ended + offset, () => stepPhases(carriedOut.steps, report, offset));
  };
  if (renewed !== undefined) {
    mark(['restore', 'renew'], renewed);
    return;
  }
  if (booted !== undefined) mark(['kernel', 'machine'], booted);
  mark([booted === undefined ? 'restore' : '', 'init'], { steps, report: last });
}

function outOfMemory(words: string): BoxError {
  return new BoxError(
    `the micro-VM ran out of memory; the end of its console:\n${words}  what to do: give it more memory (-m)`,
  );
}

/** wait(2): the signal in the low seven bits, the exit status in the second byte. */
function toExit(end: End, steps: readonly Step[], words: string): Exit {
  const SIGPIPE = 13;
  if (end.kind === 'unread') return { kind: 'signalled', signal: SIGPIPE, oomKilled: false };
  if (end.kind === 'unwritten')
    throw new BoxError(
      `${end.why}: what the workload writes is lost, and the micro-VM was ended: make room, or send it elsewhere`,
    );
  if (end.kind === 'broken')
    throw new BoxError(
      `the micro-VM broke down (${end.why}); the end of its console, and of what QEMU said:\n${words}  what to do: give it more memory (-m) if it ran out of it`,
    );
  const failure = failureOf(steps, decodeReport(end.report));
  if (failure !== undefined) throw failure;
  const { status, oomKilled } = end.exit;
  if (oomKilled) throw outOfMemory(words);
  return (status & 0x7f) === 0
    ? { kind: 'exited', code: (status >> 8) & 0xff }
    : { kind: 'signalled', signal: status & 0x7f, oomKilled: false };
}
