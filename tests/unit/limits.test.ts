import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  parseCpus,
  parseMemory,
  parsePidsLimit,
  parseUlimit,
  parseUmask,
} from '../../src/spec/limits.ts';
import { problemsOf } from './problems.ts';

test.each([
  ['4096', 4096],
  ['4096b', 4096],
  ['4k', 4096],
  ['64m', 67108864],
  ['64M', 67108864],
  ['2g', 2147483648],
])('--memory %s', (value, bytes) => {
  expect(parseMemory(value)).toBe(bytes);
});

test.each(['', 'm', '4095', '3k', '-1', '1.5g', '64mb', '64 m', '0x1000', '1e9', '99999999999g'])(
  '--memory %j is refused',
  (value) => {
    expect(problemsOf(() => parseMemory(value))).toEqual([
      `--memory ${value}: not an amount of memory: a whole number with b, k, m or g behind it, of at least 4096 bytes, is, such as 64m`,
    ]);
  },
);

test('an amount of memory is the number times its unit', () => {
  const unit = fc.constantFrom(['b', 1], ['k', 2 ** 10], ['m', 2 ** 20], ['g', 2 ** 30] as const);
  fc.assert(
    fc.property(fc.integer({ min: 4096, max: 2 ** 22 }), unit, (number, [name, size]) => {
      expect(parseMemory(`${number}${name}`)).toBe(number * Number(size));
    }),
  );
});

test('whatever the word, memory is refused, without a limit, or at least a page', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.bkmgtBKMG]+$/)), (value) => {
      const problems = problemsOf(() => {
        const bytes = parseMemory(value);
        if (bytes === undefined) expect(Number.parseInt(value, 10)).toBe(0);
        else expect(Number.isSafeInteger(bytes) && bytes >= 4096).toBe(true);
      });
      expect(problems.length).toBeLessThanOrEqual(1);
    }),
  );
});

test('0 is no limit', () => {
  expect(['0', '0m'].map((value) => parseMemory(value))).toEqual([undefined, undefined]);
  expect(['0', '0.0'].map(parseCpus)).toEqual([undefined, undefined]);
});

test('--ulimit host is what a box has anyway', () => {
  expect(parseUlimit('host')).toBe(undefined);
});

test.each([
  ['0.5', 50_000],
  ['.5', 50_000],
  ['2', 200_000],
  ['0.01', 1000],
  ['8192', 819_200_000],
])('--cpus %s', (value, quota) => {
  expect(parseCpus(value)).toEqual({ quota, period: 100_000 });
});

test.each(['', '0.001', '-1', '1e2', 'two', '8193', 'NaN', '1.'])(
  '--cpus %j is refused',
  (value) => {
    expect(problemsOf(() => parseCpus(value))).toEqual([
      `--cpus ${value}: not a number of processors: 0.01 to 8192 are, such as 0.5 or 2`,
    ]);
  },
);

test.each([
  ['1', 1],
  ['100', 100],
  ['4194304', 4194304],
  ['-1', undefined],
])('--pids-limit %s', (value, limit) => {
  expect(parsePidsLimit(value)).toBe(limit);
});

test.each(['', '0', '-2', '4194305', '1k', '1.0'])('--pids-limit %j is refused', (value) => {
  expect(problemsOf(() => parsePidsLimit(value))).toEqual([
    `--pids-limit ${value}: not a number of processes: 1 to 4194304 are, and -1 for no limit`,
  ]);
});

const infinity = 2n ** 64n - 1n;
test.each([
  ['nofile=1024', { type: 'RLIMIT_NOFILE', soft: 1024n, hard: 1024n }],
  ['nofile=1:2', { type: 'RLIMIT_NOFILE', soft: 1n, hard: 2n }],
  ['core=0:unlimited', { type: 'RLIMIT_CORE', soft: 0n, hard: infinity }],
  ['stack=-1', { type: 'RLIMIT_STACK', soft: infinity, hard: infinity }],
  ['as=18446744073709551614', { type: 'RLIMIT_AS', soft: infinity - 1n, hard: infinity - 1n }],
])('--ulimit %s', (value, limit) => {
  expect(parseUlimit(value)).toEqual(limit);
});

const form = 'not of the form NAME=SOFT[:HARD], such as nofile=1024:2048';
const notALimit = 'is not a limit: a whole number below 2^64, unlimited and -1 are';
test.each([
  ['', form],
  ['nofile', form],
  ['nofile=', form],
  ['nofile=1:', form],
  ['nofile=1:2:3', form],
  ['NOFILE=1', form],
  [
    'files=1',
    'no limit is called files; there are: as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack',
  ],
  ['nofile=x', `x ${notALimit}`],
  ['nofile=1:-2', `-2 ${notALimit}`],
  ['nofile=18446744073709551615', `18446744073709551615 ${notALimit}`],
  ['nofile=2:1', 'the soft limit is above the hard one; it may be as high at most'],
])('--ulimit %j is refused', (value, problem) => {
  expect(problemsOf(() => parseUlimit(value))).toEqual([`--ulimit ${value}: ${problem}`]);
});

test.each([
  ['0', 0],
  ['22', 0o22],
  ['0022', 0o22],
  ['777', 0o777],
])('--umask %s', (value, mask) => {
  expect(parseUmask(value)).toBe(mask);
});

test.each(['', '8', '1000', '7777', '-1', '0o22'])('--umask %j is refused', (value) => {
  expect(problemsOf(() => parseUmask(value))).toEqual([
    `--umask ${value}: not a mask: octal numbers from 0 to 0777 are`,
  ]);
});
