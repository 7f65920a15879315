/** `--memory-reservation` and `--memory-swap`, and how they go together with `--memory`. */
import { type ProblemList, SpecError } from './errors.ts';
import { parseBytes, parseMemory } from './limits.ts';
import type { RunOptions } from './run-options.ts';

/** @returns bytes; undefined for 0, podman's word for none. @throws SpecError */
export function parseReservation(value: string): number | undefined {
  return parseMemory(value, '--memory-reservation');
}

/** @returns bytes, -1 for unlimited swap; undefined for 0, podman's word for "as if it were not given". @throws SpecError */
export function parseSwap(value: string): number | undefined {
  const bytes = value === '-1' ? -1 : parseBytes(value);
  if (bytes === 0) return undefined;
  if (bytes !== undefined) return bytes;
  throw new SpecError([
    `--memory-swap ${value}: not an amount of memory: a whole number with b, k, m or g behind it is, such as 128m, and -1 for as much swap as there is`,
  ]);
}

/** What was read; undefined where it was not given, or is reported already. */
interface Amounts {
  readonly limit: number | undefined;
  readonly reservation: number | undefined;
  readonly swap: number | undefined;
}

export function checkMemory(
  { memory, memoryReservation, memorySwap }: RunOptions,
  { limit, reservation, swap }: Amounts,
  problems: ProblemList,
): void {
  const unlimited = memory === undefined || parseBytes(memory) === 0;
  if (swap !== undefined && unlimited)
    problems.add(
      `--memory-swap ${memorySwap}: it is memory and swap together, so it needs --memory, too`,
    );
  if (limit === undefined) return;
  if (swap !== undefined && swap !== -1 && swap < limit)
    problems.add(
      `--memory-swap ${memorySwap}: less than --memory ${memory}: it is memory and swap together, as much or more is allowed`,
    );
  if (reservation !== undefined && reservation > limit)
    problems.add(
      `--memory-reservation ${memoryReservation}: more than --memory ${memory}, which the box never gets: as much or less is allowed`,
    );
}
