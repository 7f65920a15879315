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
import { type Step, step } from './step.ts';

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

/**
 * A directory gets an empty one over it, anything else /dev/null: both are tried, as move_mount(2)
 * refuses (EINVAL) to put one kind over the other. That one of them is there is proved at the end.
 */
function mask(arch: Arch, path: string, index: number): Step[] {
  const target = `masked${index}`;
  const [directory, file, cover] = [`${target}.directory`, `${target}.file`, `${target}.cover`];
  const otherKind = { accept: ['EINVAL'] } as const;
  const look = [arch, 'root', path] as const;
  const clone = ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC'] as const;
  return [
    existingInside(...look, target, `${path} is masked`, 'refused', 'is passed over'),
    step(openTree('scratch', 'empty', clone), 'an empty directory', {
      needs: target,
      into: directory,
    }),
    step(moveMount(directory, target), `nothing is to be seen in ${path}`, otherKind),
    step(openTree(HERE, '/dev/null', clone), 'a device that reads as nothing', {
      needs: target,
      into: file,
    }),
    step(moveMount(file, target), `nothing is to be read from ${path}`, otherKind),
    { ...existingInside(...look, cover, 'what is there now', 'refused'), needs: target },
    step(
      mountSetattr(
        cover,
        ['MOUNT_ATTR_RDONLY', 'MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NOEXEC'],
        'this mount',
      ),
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
