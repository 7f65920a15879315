/** `--timing`: what each phase of a run took. */
import { writeFileSync } from 'node:fs';
import { BoxError } from '../sandbox/errors.ts';
import { printVmm, type Vmm } from '../sandbox/sandbox.ts';
import type { Phase, Timeline } from '../sandbox/timeline.ts';
import { writeAll } from '../sandbox/write.ts';
import type { Timing } from './run-arguments.ts';

/** @param vmm what ran it, if it was a micro-VM. */
export function showTiming(timeline: Timeline, timing: Timing, vmm: Vmm | undefined): void {
  if (timing.kind === 'json') writeJson(timeline, timing.file, vmm);
  else if (timing.kind === 'text') {
    const by = vmm === undefined ? '' : `run by ${printVmm(vmm)}\n`;
    writeAll(2, `${printPhases(timeline.phases)}${by}`);
  }
}

/** Times as nanoseconds of CLOCK_MONOTONIC. */
function writeJson({ phases }: Timeline, file: string, vmm: Vmm | undefined): void {
  const clock = 'CLOCK_MONOTONIC, nanoseconds';
  const document = { version: 1, clock, ...(vmm === undefined ? {} : { vmm }), phases };
  // 2^53 nanoseconds are 104 days of uptime; a JSON number would lose digits of longer ones.
  const replacer = (_: string, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value;
  try {
    writeFileSync(file, `${JSON.stringify(document, replacer, 2)}\n`);
  } catch (error) {
    throw new BoxError(`--timing-file ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Steps are told apart by their call; the arguments are for `explain`. */
function printPhases(phases: readonly Phase[]): string {
  const first = phases[0]?.start ?? 0n;
  const lines = phases.flatMap((phase) => [
    line(phase, first, '', phase.name),
    ...phase.parts.map((part) => line(part, first, '  ', part.name.slice(0, 70))),
  ]);
  const last = phases.at(-1)?.end ?? first;
  const total = `${inMilliseconds(last - first)}            total, from the start of tsbox`;
  return `${['      took   at', ...lines, total].join('\n')}\n`;
}

function line({ start, end }: Phase, first: bigint, indent: string, name: string): string {
  return `${inMilliseconds(end - start)}${inMilliseconds(start - first)}  ${indent}${name}`;
}

/** @param time nanoseconds. */
function inMilliseconds(time: bigint): string {
  return `${(Number(time) / 1e6).toFixed(3).padStart(10)} ms`;
}
