/**
 * Paths of /proc and /sys that tell too much, or do too much, are covered or made read-only
 * (OCI runtime specification, `linux.maskedPaths` and `linux.readonlyPaths`). A path that this
 * kernel does not have is passed over.
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import { HERE } from './arguments.ts';
import { openat2 } from './calls.ts';
import { deviceAttributes } from './devices.ts';
import type { Host } from './host.ts';
import { existingInside, type Place } from './inside.ts';
import type { MountApi } from './mount-api.ts';
import type { MountAttribute } from './mount-calls.ts';
import { ownMounts, placeOf } from './places.ts';
import { type Slot, type Step, step } from './step.ts';

const inert: readonly MountAttribute[] = [
  'MOUNT_ATTR_RDONLY',
  'MOUNT_ATTR_NOSUID',
  'MOUNT_ATTR_NODEV',
  'MOUNT_ATTR_NOEXEC',
];

export function maskPaths(box: Box, host: Host, api: MountApi): Step[] {
  const mounts = ownMounts(box, host);
  return box.spec.linux.maskedPaths.flatMap((path, index) =>
    mask(host.arch, placeOf(path, mounts), path, `masked${index}`, api),
  );
}

export function readonlyPaths(box: Box, host: Host, api: MountApi): Step[] {
  const mounts = ownMounts(box, host);
  return box.spec.linux.readonlyPaths.flatMap((path, index) =>
    readonly(host.arch, placeOf(path, mounts), path, `readonly${index}`, api),
  );
}

/** What the kernel has at these paths, in every version that has them. */
const kernelPaths: Readonly<Record<string, 'file' | 'directory'>> = {
  '/proc/acpi': 'directory',
  '/proc/asound': 'directory',
  '/proc/interrupts': 'file',
  '/proc/kcore': 'file',
  '/proc/keys': 'file',
  '/proc/latency_stats': 'file',
  '/proc/sched_debug': 'file',
  '/proc/scsi': 'directory',
  '/proc/timer_list': 'file',
  '/proc/timer_stats': 'file',
  '/sys/devices/virtual/powercap': 'directory',
  '/sys/firmware': 'directory',
};

/** A directory gets an empty one over it, anything else /dev/null. */
function mask(arch: Arch, place: Place, path: string, target: Slot, mounts: MountApi): Step[] {
  const found = existingInside(arch, place, target, `${path} is masked`);
  const kind = kernelPaths[path];
  if (kind === 'directory') return [found, ...coverDirectory(path, target, mounts)];
  if (kind === 'file') return [found, ...coverFile(path, target, { needs: target }, mounts)];
  const directory = `${target}.directory`;
  return [
    found,
    step(
      openat2(arch, target, '.', ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], ['RESOLVE_IN_ROOT']),
      'a directory has a name for itself, a file has not',
      { into: directory, accept: ['ENOTDIR'] },
    ),
    ...coverDirectory(path, directory, mounts),
    ...coverFile(path, target, { unless: directory }, mounts),
  ];
}

function coverDirectory(path: string, target: Slot, mounts: MountApi): Step[] {
  const cover = `${target}.cover`;
  const empty = { at: 'scratch', path: 'empty', kind: 'directory' } as const;
  return [
    ...mounts.copy(empty, cover, 'this mount', 'an empty directory', { needs: target }),
    ...mounts.setAttributes(cover, inert, 'this mount', 'which stays empty'),
    ...mounts.attach(cover, target, `nothing is to be seen in ${path}`),
  ];
}

function coverFile(
  path: string,
  target: Slot,
  condition: { readonly needs: Slot } | { readonly unless: Slot },
  mounts: MountApi,
): Step[] {
  const cover = `${target}.null`;
  const nothing = { at: HERE, path: '/dev/null', kind: 'file' } as const;
  const why = "the host's node cannot be changed";
  return [
    ...mounts.copy(nothing, cover, 'this mount', 'a device that reads as nothing', condition),
    ...mounts.setAttributes(cover, deviceAttributes, 'this mount', why),
    ...mounts.attach(cover, target, `nothing is to be read from ${path}`),
  ];
}

function readonly(arch: Arch, place: Place, path: string, target: Slot, mounts: MountApi): Step[] {
  const copy = `${target}.copy`;
  return [
    existingInside(arch, place, target, `${path} is made read-only`),
    ...mounts.copyOpened(target, copy, 'a second mount of the same files'),
    ...mounts.setAttributes(copy, inert, 'recursive', 'which nobody can write to'),
    ...mounts.attach(copy, target, `what is seen at ${path} from now on`),
  ];
}
