/** The grammars of flags that are podman's: what is read, what is refused, and that whatever is written is one or the other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSet, parseShares } from '../../src/spec/cpu-options.ts';
import { parseEntrypoint } from '../../src/spec/entrypoint.ts';
import { SpecError } from '../../src/spec/errors.ts';
import { parseLines } from '../../src/spec/line-file.ts';
import { parseSwap } from '../../src/spec/memory-options.ts';
import { parsePreserveFds } from '../../src/spec/preserve-fds.ts';
import { parseShmSize } from '../../src/spec/shared-memory.ts';
import { parseStopSignal } from '../../src/spec/stop-signal.ts';
import { parseTimeout } from '../../src/spec/timeout.ts';
import { withWord } from '../../src/spec/tmpfs-words.ts';
import { problemsOf } from './problems.ts';

const lines = (text: string) => parseLines('--env-file f', Buffer.from(text));

test.each<[string, [string, string | undefined][]]>([
  ['', []],
  ['A=1', [['A', '1']]],
  [
    'A=1\nB=2\n',
    [
      ['A', '1'],
      ['B', '2'],
    ],
  ],
  [
    'A=1\r\nB=2\r\n',
    [
      ['A', '1'],
      ['B', '2'],
    ],
  ],
  ['# A=1\n\n   \n\t# B\nC=', [['C', '']]],
  ['  \tA=1  ', [['A', '1  ']]],
  ['A="x y"', [['A', '"x y"']]],
  ["A='$(id)' # no comment", [['A', "'$(id)' # no comment"]]],
  ['export A=1', [['export A', '1']]],
  ['A=b=c', [['A', 'b=c']]],
  ['A=x\\', [['A', 'x\\']]],
  [
    'HOME\nX*',
    [
      ['HOME', undefined],
      ['X*', undefined],
    ],
  ],
])('lines of a file: %j', (text, pairs) => {
  expect(lines(text)).toEqual(pairs.map(([name, value]) => ({ name, value })));
});

test('every wrong line is named', () => {
  expect(problemsOf(() => lines('A=1\n=2\n  =\nB=\0'))).toEqual([
    '--env-file f: line 2: no name in front of =; NAME=VALUE is allowed',
    '--env-file f: line 3: no name in front of =; NAME=VALUE is allowed',
    '--env-file f: line 4: a zero byte, at which the kernel would end it; NAME=VALUE is allowed',
  ]);
});

const text = (without: RegExp) =>
  fc.string({ unit: 'binary', maxLength: 8 }).filter((each) => !without.test(each));

test('whatever a line can hold comes out as it went in', () => {
  const name = text(/[=\n\r\0]|^[ \t#]|^$/);
  const pairs = fc.array(fc.tuple(name, text(/[\n\r\0]/)), { maxLength: 5 });
  fc.assert(
    fc.property(pairs, (list) => {
      const file = list.map(([key, value]) => `${key}=${value}\n`).join('');
      expect(lines(file)).toEqual(list.map(([key, value]) => ({ name: key, value })));
    }),
  );
});

test('bytes that are no UTF-8 are kept', () => {
  const [line] = parseLines('f', Uint8Array.of(0x41, 0x3d, 0xff));
  expect(line).toEqual({ name: 'A', value: '\udcff' });
});

test.each<[string, readonly string[]]>([
  ['', []],
  ['ls', ['ls']],
  ['ls -l', ['ls -l']],
  ['[', ['[']],
  ['["sh", "-c"]', ['sh', '-c']],
  ['[]', []],
  ['[1]', ['[1]']],
  ['{"a": 1}', ['{"a": 1}']],
])('--entrypoint %j', (value, words) => {
  expect(parseEntrypoint(value)).toEqual(words);
});

test('--entrypoint: an array that is none is refused', () => {
  expect(problemsOf(() => parseEntrypoint('["sh", "-c"'))).toEqual([
    expect.stringMatching(/^--entrypoint \["sh", "-c": not a JSON array/),
  ]);
});

test.each([
  ['SIGTERM', 15],
  ['term', 15],
  ['INT', 2],
  ['sigquit', 3],
  ['9', 9],
  ['64', 64],
  ['RTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['rtmax-1', 63],
  ['WINCH', 28],
])('--stop-signal %s is %i', (value, number) => {
  expect(parseStopSignal(value)).toBe(number);
});

test.each(['', '0', '65', '-1', 'SIG', 'FOO', 'RTMIN-1', 'RTMAX+1', 'RTMIN+31', 'toString', '1.5'])(
  '--stop-signal %j is refused',
  (value) => {
    expect(problemsOf(() => parseStopSignal(value))).toHaveLength(1);
  },
);

test.each<[(value: string) => unknown, string, unknown]>([
  [parseShmSize, '0', 0],
  [parseShmSize, '64m', 2 ** 26],
  [parseShmSize, '1G', 2 ** 30],
  [parseShmSize, '12b', 12],
  [parseSwap, '-1', -1],
  [parseSwap, '0', undefined],
  [parseSwap, '128m', 2 ** 27],
  [parseShares, '0', undefined],
  [parseShares, '2', 2],
  [parseShares, '262144', 262144],
  [parseTimeout, '0', undefined],
  [parseTimeout, '4294967295', 2 ** 32 - 1],
  [(value) => parseSet('--cpuset-cpus', value), '0-3,7,11-15', '0-3,7,11-15'],
  [(value) => parsePreserveFds(value, 3), '3', 3],
  [(value) => parsePreserveFds(value, 0), '0', 0],
])('%o reads %j', (parse, value, expected) => {
  expect(parse(value)).toBe(expected);
});

test.each<[(value: string) => unknown, readonly string[]]>([
  [parseShmSize, ['', '-1', '1.5m', '64mb', 'm', '9999999999999999g']],
  [parseSwap, ['', '-2', 'x', '1t']],
  [parseShares, ['', '1', '-5', '262145', '1e3']],
  [parseTimeout, ['', '-1', '1.5', '4294967296', '1m']],
  [(value) => parseSet('--cpuset-cpus', value), ['', '3-1', '1,', 'a', '-1', '0-9999']],
  [(value) => parsePreserveFds(value, 3), ['', '-1', '4', '51', '1.0', 'x']],
])('%o refuses %j', (parse, values) => {
  for (const value of values)
    expect(
      problemsOf(() => parse(value)),
      value,
    ).toHaveLength(1);
});

test('--preserve-fds names the first descriptor that is missing', () => {
  expect(problemsOf(() => parsePreserveFds('4', 2))).toEqual([
    expect.stringMatching(/^--preserve-fds 4: descriptor 5 is not open: open 3 to 6 for tsbox/),
  ]);
});

test.each([
  [['nosuid', 'noexec'], 'exec', ['nosuid']],
  [['noatime'], 'relatime', ['relatime']],
  [['strictatime'], 'atime', []],
  [['size=1m'], 'size=2m', ['size=2m']],
  [['nosuid'], 'notmpcopyup', ['nosuid']],
  [['nosuid'], 'nr_blocks=5k', ['nosuid', 'nr_blocks=5k']],
])('options of a tmpfs: %j and %s are %j', (before, word, after) => {
  expect(withWord('t', before, word)).toEqual(after);
});

test.each([
  ['tmpcopyup', /copies nothing/],
  ['noswap', /root of the host/],
  ['U', /right owner/],
  ['huge=always', /unknown option/],
  ['__proto__', /unknown option/],
])('options of a tmpfs: %s is refused', (word, why) => {
  expect(problemsOf(() => withWord('t', [], word))).toEqual([expect.stringMatching(why)]);
});

test('no text makes any of them fail in another way than by a problem', () => {
  const parsers = [
    (value: string) => lines(value),
    parseEntrypoint,
    parseStopSignal,
    parseShmSize,
    parseSwap,
    parseShares,
    parseTimeout,
    (value: string) => parseSet('--cpuset-mems', value),
    (value: string) => parsePreserveFds(value, 3),
    (value: string) => withWord('t', [], value),
  ];
  const any = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'0123456789-,:=+kmgRTMINSIG[]"') }),
  );
  fc.assert(
    fc.property(any, fc.nat(parsers.length - 1), (value, index) => {
      try {
        parsers[index]?.(value);
      } catch (error) {
        expect(error).toBeInstanceOf(SpecError);
        expect((error as SpecError).problems.every((problem) => problem.length > 0)).toBe(true);
      }
    }),
  );
});
