/** Whatever a configuration is, it becomes a plan, or all that is wrong with it is said, with paths. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodePlan } from '../../src/plan/encode.ts';
import { textOfBytes } from '../../src/spec/byte-text.ts';
import { SpecError } from '../../src/spec/errors.ts';
import { anyConfig, wordsIn } from './any-config.ts';
import { badValues } from './bad-values.ts';
import { problemsOf } from './problems.ts';
import { changed, planOf, read, readText, textOf, whole } from './whole-config.ts';

/** A path, a colon, and what is wrong. */
const problem = /^c: (not JSON: |not an object$|[a-zA-Z]\S*( [^:]*)?: ).*$/;

function expectPaths(error: unknown): void {
  if (!(error instanceof SpecError)) throw error;
  expect(error.problems.length).toBeGreaterThan(0);
  for (const each of error.problems) expect(each).toMatch(problem);
}

test('configurations of the schema, and such as are nearly of it', () => {
  const ends = { plan: 0, refusal: 0 };
  fc.assert(
    fc.property(anyConfig(whole, wordsIn(whole), 4), (config) => {
      try {
        read(config);
      } catch (error) {
        ends.refusal++;
        expectPaths(error);
        return;
      }
      ends.plan++;
      const steps = planOf(config).sections.flatMap((section) => section.steps);
      encodePlan(steps, 'x64');
    }),
    { numRuns: 1000 },
  );
  expect(Math.min(ends.plan, ends.refusal)).toBeGreaterThan(20);
});

test('bytes that were a configuration', () => {
  const bytes = Buffer.from(textOf(whole));
  const damage = fc.tuple(
    fc.nat(bytes.length),
    fc.nat(8),
    fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(...words.map((word) => Buffer.from(word))),
    ),
  );
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
      const damaged = damages.reduce(
        (before, [at, taken, put]) =>
          Buffer.concat([before.subarray(0, at), put, before.subarray(at + taken)]),
        bytes,
      );
      try {
        readText(textOfBytes(damaged));
      } catch (error) {
        expectPaths(error);
      }
    }),
    { numRuns: 500 },
  );
});

const words = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\u0000',
  '\\ud800',
  '1e999',
  '-',
  'null',
  '\n',
];

const DEEP = 200_000;
const nested = (open: string, close: string) => `${open.repeat(DEEP)}1${close.repeat(DEEP)}`;

test.each([
  ['nothing', '', 'c: not JSON: '],
  ['a list that is nested without end', nested('[', ']'), 'c: not JSON: nested too deeply'],
  ['an object that is', nested('{"process":', '}'), 'c: not JSON: nested too deeply'],
  ['another encoding', Buffer.from('\ufeff{}', 'utf16le').toString('latin1'), 'c: not JSON: '],
])('%s is no configuration', (_, text, expected) => {
  expect(problemsOf(() => readText(text))).toEqual([expect.stringContaining(expected)]);
});

test('bytes that are not UTF-8 are told of where they are', () => {
  const latin1 = Buffer.from(textOf(changed('process.args[1]', 'caf\xe9')), 'latin1');
  expect(problemsOf(() => readText(textOfBytes(latin1)))).toEqual([
    expect.stringContaining('c: process.args[1]: bytes that are not UTF-8'),
  ]);
});

test('what a terminal would carry out is shown, and a sentence stays on its line', () => {
  const bad = changed('process.env[0]', '\x1b[2J\x9b\n', changed('x\ny', 1));
  expect(problemsOf(() => read(bad))).toEqual([
    'c: process.env[0]: \\u001b[2J\\u009b\\u000a: not NAME=value',
  ]);
  expect(read(changed('x\ny', 1)).notes).toEqual(['c: ["x\\ny"]: unknown to tsbox and ignored']);
});

test('bad values of all fields are told of at once', () => {
  const paths = badValues.map(([path]) => path);
  const leaves = badValues.filter(
    ([path], index) =>
      // It is bad where the path is missing, and that is bad in another way here.
      path !== 'linux.seccomp.listenerMetadata' &&
      paths.indexOf(path) === index &&
      !paths.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[`)),
  );
  const bad = leaves.reduce<unknown>(
    (config, [path, value]) => changed(path, value, config),
    whole,
  );
  const problems = problemsOf(() => read(bad));
  const told = ([path]: (typeof leaves)[number]) =>
    problems.some((each) => each.startsWith(`c: ${path}: `));
  expect(leaves.filter((leaf) => !told(leaf))).toEqual([]);
  expect(leaves.length).toBeGreaterThan(100);
});
