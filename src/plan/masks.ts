/**
 * Paths of /proc and /sys that tell too much, or do too much, are covered or made read-only
 * (OCI runtime specification, `linux.maskedPaths` and `linux.readonlyPaths`). A path that this
 * kernel does not have is passed over.
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import { HERE, type MountAttribute, mountSetattr, moveMount, openTree } from './calls.ts';
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
  const kind = kernelPaths[path];
  return [
    existingInside(arch, 'root', path, target, `${path} is masked`, 'refused', 'is passed over'),
    ...(kind === undefined ? coverUnknown(arch, path, target) : cover(kind, path, target)),
  ];
}

/** move_mount(2) refuses (EINVAL) to put a file over a directory or the other way about. */
function cover(kind: 'file' | 'directory', path: string, target: Slot): Step[] {
  const copy = `${target}.${kind}`;
  return kind === 'directory'
    ? [
        step(openTree('scratch', 'empty', clone), 'an empty directory', {
          needs: target,
          into: copy,
        }),
        step(mountSetattr(copy, inert, 'this mount'), 'which stays empty'),
        step(moveMount(copy, target), `nothing is to be seen in ${path}`),
      ]
    : [
        step(openTree(HERE, '/dev/null', clone), 'a device that reads as nothing', {
          needs: target,
          into: copy,
        }),
        step(moveMount(copy, target), `nothing is to be read from ${path}`),
      ];
}

/** Both are tried; that one of them is there is proved at the end. */
function coverUnknown(arch: Arch, path: string, target: Slot): Step[] {
  const tried = (['directory', 'file'] as const).flatMap((kind) => cover(kind, path, target));
  const seen = `${target}.seen`;
  return [
    ...tried.map((each) =>
      each.call === 'move_mount' ? { ...each, accept: ['EINVAL' as const] } : each,
    ),
    {
      ...existingInside(arch, 'root', path, seen, 'what is there now', 'refused'),
      needs: target,
    },
    step(
      mountSetattr(seen, ['MOUNT_ATTR_RDONLY'], 'this mount'),
      'fails unless it is a mount: nothing stays unmasked',
    ),
  ];
}

function readonly(arch: Arch, path: string, index: number): Step[] {
  const [target, copy] = [`readonly${index}`, `readonly${index}.copy`];
  return [
    existingInside(
      arch,
      'root',
      path,
      target,
      `${path} is made read-only`,
      'refused',
      'is passed over',
    ),
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
