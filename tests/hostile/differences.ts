/**
 * Differences between what the probe finds in tsbox and elsewhere, each of which must have a reason.
 * The golden files list them by reason; `vitest run --project hostile -u` writes them anew.
 */
import { expect } from 'vitest';
import type { Facts } from './probe.ts';

export interface Rule {
  /** Names of facts. */
  readonly facts: RegExp;
  /** Which values it explains, tsbox's first; any where it is left out. */
  readonly explains?: (values: readonly string[]) => boolean;
  readonly why: string;
  /** Whether other machines may have others of these facts, or other values: the golden file lists none. */
  readonly varies?: boolean;
}

export interface Difference {
  readonly fact: string;
  /** Of each subject, tsbox first. */
  readonly values: readonly string[];
  /** Undefined when nobody knows. */
  readonly rule: Rule | undefined;
}

/**
 * @param found the facts of each subject; of some of them there may be none.
 * @param where goes before the name of each fact.
 */
export function differences(
  found: ReadonlyMap<string, Facts>,
  rules: readonly Rule[],
  where = '',
): Difference[] {
  const all = [...found.values()];
  const names = new Set(all.flatMap((facts) => [...facts.keys()]));
  return [...names].sort().flatMap((name) => {
    const values = all.map((facts) => facts.get(name) ?? 'none');
    if (new Set(values).size === 1) return [];
    const fact = where + name;
    const rule = rules.find(
      ({ facts, explains }) => facts.test(fact) && (explains?.(values) ?? true),
    );
    return [{ fact, values, rule }];
  });
}

/** @param file of the golden ones. @param title its first line. @param subjects whose values there are. */
export async function expectGolden(
  file: string,
  title: string,
  subjects: readonly string[],
  found: readonly Difference[],
): Promise<void> {
  expect(found.filter(({ rule }) => rule === undefined)).toEqual([]);
  const lasting = found.flatMap(({ fact, values, rule }) =>
    rule === undefined || rule.varies ? [] : [{ fact, values, why: rule.why }],
  );
  const sections = [...new Set(lasting.map(({ why }) => why))].map((reason) => {
    const those = lasting.filter(({ why }) => why === reason);
    return `\n## ${reason}\n${table(subjects, those)}`;
  });
  await expect(`# ${title}\n${sections.join('')}`).toMatchFileSnapshot(`golden/${file}`);
}

function table(
  subjects: readonly string[],
  lines: readonly Pick<Difference, 'fact' | 'values'>[],
): string {
  const cells = [['', ...subjects], ...lines.map(({ fact, values }) => [fact, ...values])];
  const widths = ['', ...subjects].map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lineOf = (line: readonly string[]): string =>
    line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return cells.map((line) => `${lineOf(line).trimEnd()}\n`).join('');
}
