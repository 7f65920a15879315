/** What a list of times says. All times of one list have the same unit; so has what is returned. */

export interface Summary {
  readonly runs: number;
  readonly median: number;
  /** The value that 95 % of the runs don't exceed. */
  readonly p95: number;
  readonly min: number;
  readonly max: number;
  /** Median absolute deviation: the spread, not swayed by a few slow runs. */
  readonly mad: number;
}

export interface Ratio {
  readonly value: number;
  /** Of 95 % confidence; absent where there are too few runs for one. */
  readonly interval?: { readonly low: number; readonly high: number };
}

/** @throws RangeError for an empty list. */
export function summarize(times: readonly number[]): Summary {
  if (times.length === 0) throw new RangeError('no times to summarize');
  const middle = median(times);
  return {
    runs: times.length,
    median: middle,
    p95: quantile(times, 0.95),
    min: Math.min(...times),
    max: Math.max(...times),
    mad: median(times.map((time) => Math.abs(time - middle))),
  };
}

export function median(times: readonly number[]): number {
  return quantile(times, 0.5);
}

/** The quantile by linear interpolation between the two nearest values (R's type 7). */
export function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Enough resamples for the second digit of an interval to hold still. */
const RESAMPLES = 2000;

/** With fewer, even from the smallest to the largest value holds the median in less than 95 % of cases: 1 - 2^(1 - runs). */
export const FEWEST_RUNS = 6;

/**
 * Ratio of two medians. Its interval is a bootstrap over rounds: what slowed a whole round slowed
 * both, and must not count as a difference between them.
 * @param base same length as `times`, and greater than 0.
 * @param random uniform in [0, 1).
 */
export function ratioOfMedians(
  times: readonly number[],
  base: readonly number[],
  random: () => number,
): Ratio {
  const value = median(times) / median(base);
  if (times.length < FEWEST_RUNS) return { value };
  const ratios = Array.from({ length: RESAMPLES }, () => {
    const rounds = times.map(() => Math.floor(random() * times.length));
    const pick = (list: readonly number[]) => rounds.map((round) => list[round] ?? Number.NaN);
    return median(pick(times)) / median(pick(base));
  });
  return { value, interval: { low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) } };
}
