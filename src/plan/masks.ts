/**
 * Paths of /proc and /sys that tell too much, or do too much, are covered or made read-only
 * (OCI runtime specification, `linux.maskedPaths` and `linux.readonlyPaths`). A path that this
 * kernel does not have is passed over.
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import { HERE } from './arguments.ts';
import { type MountAttribute, mountSetattr, moveMount, openTree } from './calls.ts';
import { deviceAttributes } from './devices.ts';
import type { Host } from './host.ts';
import { existingInside } from './inside.ts';
import { type Slot, type Step, step } from './step.ts';

const inert: readonly MountAttribute[] = [
  'MOUNT_ATTR_RDONLY',
  'MOUNT_ATTR_NOSUID',
  'MOUNT_ATTR_NODEV',
  'MOUNT_ATTR_NOEXEC',
];

export function maskPaths(box: Box, host: Host): Step[] {
  return box.spec.linux.maskedPaths.flatMap((path, index) => mask(host.arch, path, index));
}

export function readonlyPaths(box: Box, host: Host): Step[] {
  return box.spec.linux.readonlyPaths.flatMap((path, index) => readonly(host.arch, path, index));
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

const clone = ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'] as const;

/** A directory gets an empty one over it, anything else /dev/null. */
function mask(arch: Arch, path: string, index: number): Step[] {
  const target = `masked${index}`;
  const found = existingInside(arch, 'root', path, target, `${path} is masked`);
  const kind = kernelPaths[path];
  if (kind === 'directory') return [found, ...coverDirectory(path, target)];
  if (kind === 'file') return [found, ...coverFile(path, target, { needs: target })];
  const directory = `${target}.directory`;
  return [
    found,
    step(
      openTree(target, '.', ['OPEN_TREE_CLOEXEC']),
      'a directory has a name for itself, a file has not',
      { into: directory, accept: ['ENOTDIR'] },
    ),
    ...coverDirectory(path, directory),
    ...coverFile(path, target, { unless: directory }),
  ];
}

function coverDirectory(path: string, target: Slot): Step[] {
  const cover = `${target}.cover`;
  return [
    step(openTree('scratch', 'empty', clone), 'an empty directory', { needs: target, into: cover }),
    step(mountSetattr(cover, inert, 'this mount'), 'which stays empty'),
    step(moveMount(cover, target), `nothing is to be seen in ${path}`),
  ];
}

function coverFile(
  path: string,
  target: Slot,
  condition: { readonly needs: Slot } | { readonly unless: Slot },
): Step[] {
  const cover = `${target}.null`;
  return [
    step(openTree(HERE, '/dev/null', clone), 'a device that reads as nothing', {
      ...condition,
      into: cover,
    }),
    step(mountSetattr(cover, deviceAttributes, 'this mount'), "the host's node cannot be changed"),
    step(moveMount(cover, target), `nothing is to be read from ${path}`),
  ];
}

function readonly(arch: Arch, path: string, index: number): Step[] {
  const [target, copy] = [`readonly${index}`, `readonly${index}.copy`];
  return [
    existingInside(arch, 'root', path, target, `${path} is made read-only`),
    step(
      openTree(target, '', [
        'OPEN_TREE_CLONE',
        'OPEN_TREE_CLOEXEC',
        'AT_EMPTY_PATH',
        'AT_RECURSIVE',
      ]),
      'a second mount of the same files',
      { into: copy },
    ),
    step(mountSetattr(copy, inert, 'recursive'), 'which nobody can write to'),
    step(moveMount(copy, target), `what is seen at ${path} from now on`),
  ];
}
