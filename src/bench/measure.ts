/** Runs the rounds of a benchmark. A subject that fails once is left out from then on. */
import { makeRounds } from './schedule.ts';
import { milliseconds, runProcess } from './spawn.ts';
import type { Absent, Subject } from './subject.ts';

export interface Measured {
  readonly subject: Subject;
  /** Milliseconds, one for each round, in the order of the rounds. */
  readonly times: readonly number[];
}

export interface Measurement {
  readonly measured: readonly Measured[];
  readonly failed: readonly Absent[];
}

/** A micro-VM without KVM on a busy host takes seconds; one that takes this long hangs. */
const TIMEOUT_SECONDS = 120;

/** @param progress is told the round (from 0; warm-up rounds come first) and who runs next. */
export async function measure(
  subjects: readonly Subject[],
  counts: { readonly warmup: number; readonly runs: number },
  random: () => number,
  progress: (round: number, name: string) => void,
): Promise<Measurement> {
  const times = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  const failed: Absent[] = [];
  const rounds = makeRounds(subjects, counts.warmup + counts.runs, random);
  for (const [round, order] of rounds.entries()) {
    for (const subject of order.filter((one) => times.has(one))) {
      progress(round, subject.name);
      const run = await runProcess(subject.argv(round), 'drop', TIMEOUT_SECONDS);
      if (run.status !== 0) {
        times.delete(subject);
        failed.push({ name: subject.name, why: failure(run.status, run.stderr) });
      } else if (round >= counts.warmup) {
        times.get(subject)?.push(milliseconds(run));
      }
    }
  }
  return { measured: [...times].map(([subject, list]) => ({ subject, times: list })), failed };
}

function failure(status: number, stderr: string): string {
  const words = stderr.trim().split('\n').slice(-5).join('\n');
  return `ended with status ${status}${words === '' ? '' : `: ${words}`}`;
}
