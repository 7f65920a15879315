import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeRounds, randomSequence } from '../../src/bench/schedule.ts';
import { median, quantile, ratioOfMedians, summarize } from '../../src/bench/statistics.ts';

test.each([
  [[1], 1],
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
])('median of %j', (times, value) => {
  expect(median(times)).toBe(value);
});

test.each([
  [0, 1],
  [0.25, 2],
  [0.95, 4.8],
  [1, 5],
])('quantile %d', (share, value) => {
  expect(quantile([5, 3, 1, 2, 4], share)).toBeCloseTo(value);
});

test('a summary', () => {
  expect(summarize([1, 2, 3, 4, 100])).toEqual({
    runs: 5,
    median: 3,
    p95: expect.closeTo(80.8),
    min: 1,
    max: 100,
    mad: 1,
  });
});

test('nothing cannot be summarized', () => {
  expect(() => summarize([])).toThrow('no times to summarize');
});

test('a summary is ordered: min, median, p95, max', () => {
  const times = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(times, (list) => {
      const { min, median: middle, p95, max } = summarize(list);
      const near = 1e-6;
      expect(min <= middle + near && middle <= p95 + near && p95 <= max + near).toBe(true);
    }),
  );
});

test('what is always twice as slow has a ratio of 2 without doubt', () => {
  const base = [1, 5, 2, 9, 3, 4];
  const twice = base.map((time) => time * 2);
  expect(ratioOfMedians(twice, base, randomSequence(1))).toEqual({
    value: 2,
    interval: { low: 2, high: 2 },
  });
});

test.each([1, 2, 5])('%d runs are too few for an interval', (runs) => {
  const times = Array.from({ length: runs }, (_, run) => run + 1);
  expect(ratioOfMedians(times, times, randomSequence(1))).toEqual({ value: 1 });
});

test('the interval holds the ratio', () => {
  const random = randomSequence(7);
  const noisy = (size: number) => Array.from({ length: 30 }, () => size + random());
  const { value, interval } = ratioOfMedians(noisy(6), noisy(2), random);
  expect(interval?.low).toBeLessThan(value);
  expect(interval?.high).toBeGreaterThan(value);
});

test('a seed determines the sequence, and the numbers are in [0, 1)', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (seed) => {
      const take = (next: () => number) => Array.from({ length: 20 }, next);
      const numbers = take(randomSequence(seed));
      expect(numbers).toEqual(take(randomSequence(seed)));
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    }),
  );
});

test('every round has everyone once', () => {
  const names = ['a', 'b', 'c', 'd'];
  const rounds = makeRounds(names, 50, randomSequence(3));
  expect(rounds).toHaveLength(50);
  for (const round of rounds) expect([...round].sort()).toEqual(names);
});

test('nobody is first more often than chance allows', () => {
  const rounds = makeRounds(['a', 'b', 'c', 'd'], 4000, randomSequence(3));
  const first = rounds.filter(([name]) => name === 'a').length;
  // 1000 expected; five standard deviations of a binomial distribution are 137.
  expect(Math.abs(first - 1000)).toBeLessThan(137);
});
