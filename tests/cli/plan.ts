/** What `explain` printed, read back, and what `run --timing=json` reported, beside each other. */
import { expect } from 'vitest';
import { tsbox } from '../host/tsbox.ts';

export interface Call {
  /** Title of the section that it stands in. */
  readonly section: string;
  readonly call: string;
  /** Empty when there is none. */
  readonly why: string;
}

/** The plan of `run` with the same words; nothing else may be printed. */
export function explain(...words: string[]): Call[] {
  const { status, stdout, stderr } = tsbox(['explain', ...words]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return readPlan(stdout);
}

/** A call has its reason behind it or, when it is long, on the line below: from this column on. */
const REASON_AT = 79;

export function readPlan(text: string): Call[] {
  const calls: Call[] = [];
  let section = '';
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const reasoned = line.slice(REASON_AT, REASON_AT + 2) === '# ';
    const call = reasoned ? line.slice(0, REASON_AT).trim() : line;
    const why = reasoned ? line.slice(REASON_AT + 2) : '';
    const last = calls.at(-1);
    if (/^##? /.test(line)) section = line.replace(/^#+ /, '');
    else if (call === '' && last?.why === '') calls.splice(-1, 1, { ...last, why });
    else calls.push({ section, call, why });
  }
  return calls;
}

export interface Phase {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly Phase[];
}

/** Both in their order: calls that were planned and not made, and calls that were made unplanned. */
export function compareWithPlan(planned: readonly Call[], made: readonly Phase[]) {
  // The id of a box is drawn anew for every run.
  const unplanned = made.map(({ name }) => name.replace(/(?<=\/boxes\/)[0-9a-f]{12}\b/, 'ID'));
  const skipped: string[] = [];
  for (const { call } of planned) {
    if (call === unplanned[0]) unplanned.shift();
    else skipped.push(call);
  }
  return { skipped, unplanned };
}

/**
 * Those that nothing in the plan allows to skip. What may be skipped: the call that became the
 * workload, as it reports nothing, `[unless …]`, and what needs the result of a call that may fail.
 */
export function withoutExcuse(planned: readonly Call[], skipped: readonly string[]): string[] {
  const last = planned.at(-1)?.call;
  const empty = planned.flatMap(({ call }) => /\) = (\S+) {2}\[or /.exec(call)?.[1] ?? []);
  return skipped.filter((call) => {
    const [, slot] = /\) = (\S+)/.exec(call) ?? [];
    const excused =
      call === last ||
      call.includes('  [unless ') ||
      empty.some((name) => call.split(/[(), \]]+/).includes(name));
    if (excused && slot !== undefined) empty.push(slot);
    return !excused;
  });
}
