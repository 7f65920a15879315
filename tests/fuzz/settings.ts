/** What scripts/fuzz asks for. */
import type { Parameters } from 'fast-check';

const { FUZZ_SECONDS, FUZZ_SEED } = process.env;

/** How long each fuzzer goes on, unless that is asked for. */
export function fuzzSeconds(otherwise: number): number {
  return FUZZ_SECONDS === undefined ? otherwise : Number(FUZZ_SECONDS);
}

/** 0 to 2^31-1. */
export const fuzzSeed =
  FUZZ_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(FUZZ_SEED);

/** The same, for a property of fast-check's. */
export function fuzzing<T>(otherwise: Parameters<T>): Parameters<T> {
  if (FUZZ_SECONDS === undefined) return { ...otherwise, seed: fuzzSeed };
  const interruptAfterTimeLimit = fuzzSeconds(0) * 1000;
  return { seed: fuzzSeed, numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit };
}
