/**
 * `--label NAME[=VALUE]` and `--label-file FILE`: what the record of a running box says of it
 * (src/sandbox/record.ts); and `--annotation NAME=VALUE`, which the OCI's configuration has, too.
 */
import { type ProblemList, SpecError } from './errors.ts';
import { parseLines, splitPair } from './line-file.ts';
import { noOutside } from './outside.ts';
import type { Caller, RunOptions } from './run-options.ts';

type Words = Readonly<Record<string, string>>;

/** @returns undefined where there are none. A label of `--label` wins over one of a file. */
export function parseLabels(
  { label, labelFile }: Pick<RunOptions, 'label' | 'labelFile'>,
  { outside = noOutside }: Pick<Caller, 'outside'>,
  problems: ProblemList,
): Words | undefined {
  const lines = [
    ...labelFile.flatMap((file) =>
      problems.attempt(() => {
        const what = `--label-file ${file}`;
        return parseLines(what, outside.readFile(what, file));
      }, []),
    ),
    ...label.flatMap((word) => problems.attempt(() => [named('--label', word)], [])),
  ];
  if (lines.length === 0) return undefined;
  return Object.fromEntries(lines.map(({ name, value = '' }) => [name, value]));
}

/** @returns undefined where there are none. */
export function parseAnnotations(
  words: readonly string[],
  problems: ProblemList,
): Words | undefined {
  if (words.length === 0) return undefined;
  const pairs = words.flatMap((word) =>
    problems.attempt(() => {
      const { name, value } = named('--annotation', word);
      if (value !== undefined) return [[name, value] as const];
      throw new SpecError([`--annotation ${word}: no value; NAME=VALUE is allowed`]);
    }, []),
  );
  return Object.fromEntries(pairs);
}

function named(flag: string, word: string) {
  const pair = splitPair(word);
  if (pair.name !== '') return pair;
  throw new SpecError([`${flag} ${word}: no name; NAME=VALUE is allowed`]);
}
