/** The checks as text for people and as JSON for programs. */
import { type Check, canRunContainers } from './check.ts';

const marks = { ok: '✓', limited: '!', missing: '✗' } as const;
/** SGR parameters, console_codes(4): green, yellow, red. */
const colours = { ok: '32', limited: '33', missing: '31' } as const;

/** @param colour whether the reader is a terminal that wants it. */
export function printChecks(checks: readonly Check[], colour: boolean): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap((check) => printCheck(check, width, colour));
  const verdict = canRunContainers(checks)
    ? 'Containers can run on this host.'
    : 'Containers cannot run on this host until what is marked ✗ and for containers is mended.';
  return [...lines, '', verdict].join('\n');
}

function printCheck(check: Check, width: number, colour: boolean): string[] {
  const word = `${marks[check.status]} ${check.status.padEnd(7)}`;
  const mark = colour ? `\x1b[${colours[check.status]}m${word}\x1b[0m` : word;
  const first = `${mark}  ${check.name.padEnd(width)}  ${check.what}`;
  const indent = ' '.repeat(width + 13);
  if (check.status === 'ok') return [first];
  return [
    first,
    `${indent}for ${check.for}; ${check.why}`,
    ...(check.mend === '' ? [] : [`${indent}to mend it: ${check.mend}`]),
  ];
}

export function checksAsJson(checks: readonly Check[]): string {
  const report = { version: 1, containers: canRunContainers(checks), checks };
  return JSON.stringify(report, undefined, 2);
}

/** https://no-color.org: set, and not to nothing. */
export function wantsColour(
  env: Readonly<Record<string, string | undefined>>,
  terminal: boolean,
): boolean {
  return terminal && !env.NO_COLOR && env.TERM !== 'dumb';
}
