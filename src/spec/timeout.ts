/** `--timeout SECONDS`: how long the workload may run before it is killed; 0 for as long as it wants. */
import { SpecError } from './errors.ts';

/** @returns seconds; undefined for no limit. @throws SpecError */
export function parseTimeout(value: string): number | undefined {
  const seconds = /^[0-9]{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (seconds < 2 ** 32) return seconds === 0 ? undefined : seconds;
  throw new SpecError([
    `--timeout ${value}: not a time: whole seconds below 2^32 are, and 0 for no limit`,
  ]);
}
