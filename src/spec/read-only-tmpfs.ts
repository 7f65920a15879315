/**
 * `--read-only-tmpfs`, podman's companion of `--read-only`: whether programs still find the places in
 * which all of them expect to write, in memory; and if not, that /dev and /dev/shm are read-only, too.
 */
import type { RunOptions } from './run-options.ts';
import type { Mount } from './spec.ts';

const places: readonly (readonly [destination: string, mode: string])[] = [
  ['/run', '755'],
  ['/tmp', '1777'],
  ['/var/tmp', '1777'],
];

/** @param own what was asked for: in its place nothing else is mounted. */
export function readOnlyMounts(
  { readOnly, readOnlyTmpfs = true }: Pick<RunOptions, 'readOnly' | 'readOnlyTmpfs'>,
  mounts: readonly Mount[],
  own: readonly Mount[],
): Mount[] {
  if (!readOnly) return [...mounts, ...own];
  if (!readOnlyTmpfs) return [...mounts.map(sealed), ...own];
  const taken = new Set(own.map(({ destination }) => destination));
  const free = places.filter(([destination]) => !taken.has(destination));
  return [
    ...mounts,
    ...free.map(([destination, mode]) => ({
      destination,
      type: 'tmpfs' as const,
      source: 'tmpfs',
      options: ['nosuid', 'nodev', `mode=${mode}`],
    })),
    ...own,
  ];
}

function sealed(mount: Mount): Mount {
  return ['/dev', '/dev/shm'].includes(mount.destination)
    ? { ...mount, options: [...mount.options, 'ro'] }
    : mount;
}
