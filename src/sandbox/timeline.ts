import { printStep } from '../plan/print.ts';
import type { Report } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';

/**
 * Where the time of a run went: consecutive phases on one clock (CLOCK_MONOTONIC, nanoseconds),
 * host and guest alike.
 */
export interface Phase {
  readonly name: string;
  /** CLOCK_MONOTONIC in nanoseconds. */
  readonly start: bigint;
  readonly end: bigint;
  /** Finer phases inside this one, such as each step of the plan. */
  readonly parts: readonly Phase[];
}

/** Collects phases as a run goes on. */
export class Timeline {
  readonly #phases: Phase[] = [];
  #last: bigint;

  /** @param start CLOCK_MONOTONIC in nanoseconds at which the first phase begins. */
  constructor(start: bigint = process.hrtime.bigint()) {
    this.#last = start;
  }

  get phases(): readonly Phase[] {
    return this.#phases;
  }

  /**
   * Ends the current phase now (or at `end`) under the given name; the next one begins there.
   * @param parts called when the phase's parts are asked for.
   */
  mark(
    name: string,
    end: bigint = process.hrtime.bigint(),
    parts: () => readonly Phase[] = () => [],
  ): void {
    const start = this.#last;
    this.#phases.push({
      name,
      start,
      end,
      get parts() {
        return parts();
      },
    });
    this.#last = end;
  }
}

/** A timeline that begins with the start of this process; its first phase is Node's own. */
export function timelineOfProcess(): Timeline {
  const start = process.hrtime.bigint() - nanoseconds(performance.now());
  const timeline = new Timeline(start);
  timeline.mark('Node', start + nanoseconds(performance.nodeTiming.bootstrapComplete));
  return timeline;
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(Math.round(milliseconds * 1e6));
}

/**
 * The same on one clock: from the step on that enters a time namespace the box's own tells the time,
 * time_namespaces(7). That step, whose time neither tells, takes none.
 */
export function onOneClock(steps: readonly Step[], report: Report): Report {
  const at = steps.findIndex(entersTime);
  if (at < 0) return report;
  const { entries } = report;
  const entered = entries[at]?.end ?? 0n;
  if (entered === 0n) return report;
  const before = entries.slice(0, at).findLast(({ end }) => end !== 0n)?.end ?? report.started;
  const jump = entered - before;
  return {
    ...report,
    ended: report.ended - jump,
    entries: entries.map((entry, index) =>
      index < at || entry.end === 0n ? entry : { ...entry, end: entry.end - jump },
    ),
  };
}

function entersTime({ call, args }: Step): boolean {
  return (
    call === 'setns' &&
    args.some((each) => each.kind === 'flags' && each.names.includes('CLONE_NEWTIME'))
  );
}

/**
 * What each step of a plan took, from its report.
 * @param offset nanoseconds from the clock of the report to the host's.
 */
export function stepPhases(steps: readonly Step[], report: Report, offset = 0n): Phase[] {
  const phases: Phase[] = [];
  let start = report.started + offset;
  report.entries.forEach((entry, index) => {
    if (entry.end === 0n) return;
    const end = entry.end + offset;
    phases.push({
      name: steps[index] === undefined ? '' : printStep(steps[index]),
      start,
      end,
      parts: [],
    });
    start = end;
  });
  return phases;
}
