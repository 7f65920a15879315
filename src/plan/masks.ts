/**
 * Paths of /proc and /sys that tell too much, or do too much, are covered or made read-only
 * (OCI runtime specification, `linux.maskedPaths` and `linux.readonlyPaths`). A path that this
 * kernel does not have is passed over.
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import { HERE, type MountAttribute, mountSetattr, moveMount, openat2, openTree } from './calls.ts';
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

/** A directory gets an empty one over it, anything else /dev/null. */
function mask(arch: Arch, path: string, index: number): Step[] {
  const [target, directory, cover] = [
    `masked${index}`,
    `masked${index}.directory`,
    `masked${index}.cover`,
  ];
  return [
    existingInside(arch, 'root', path, target, `${path} is masked`, 'refused', 'is passed over'),
    step(
      openat2(
        arch,
        'root',
        path.slice(1),
        ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'],
        ['RESOLVE_IN_ROOT', 'RESOLVE_NO_SYMLINKS'],
      ),
      'is it a directory?',
      {
        needs: target,
        into: directory,
        accept: ['ENOTDIR'],
      },
    ),
    step(
      openTree('scratch', 'empty', ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC']),
      'an empty directory',
      { needs: directory, into: `${cover}.directory` },
    ),
    step(mountSetattr(`${cover}.directory`, inert, 'this mount'), 'that stays empty'),
    step(moveMount(`${cover}.directory`, target), `nothing is to be seen in ${path}`),
    step(
      openTree(HERE, '/dev/null', ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC']),
      'a device that reads as nothing',
      { needs: target, into: `${cover}.file` },
    ),
    step(moveMount(`${cover}.file`, target), `nothing is to be read from ${path}`, {
      // A directory: it is covered already.
      accept: ['ENOTDIR'],
    }),
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
