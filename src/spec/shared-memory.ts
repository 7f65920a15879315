/** `--shm-size`: how large the box's /dev/shm is. */
import { SpecError } from './errors.ts';
import { parseBytes } from './limits.ts';
import type { Mount } from './spec.ts';

/** @returns bytes; 0 for as much as there is memory, tmpfs(5). @throws SpecError */
export function parseShmSize(value: string): number {
  const bytes = parseBytes(value);
  if (bytes !== undefined) return bytes;
  throw new SpecError([
    `--shm-size ${value}: not an amount of memory: a whole number with b, k, m or g behind it is, such as 64m, and 0 for no limit`,
  ]);
}

/** The mounts with that size for /dev/shm. */
export function withShmSize(mounts: readonly Mount[], bytes: number): Mount[] {
  return mounts.map((mount) =>
    mount.destination === '/dev/shm'
      ? {
          ...mount,
          options: [...mount.options.filter((word) => !/^size=/.test(word)), `size=${bytes}`],
        }
      : mount,
  );
}
