/** Mounts whose owners are mapped: mount_setattr(2), "ID-mapped mounts". */
import { closeSync, openSync } from 'node:fs';
import { AT_FDCWD, mountAttributes, mountFlags, treeFlags } from '../abi/flags.ts';
import type { Reach } from '../plan/mount-calls.ts';
import { syscall } from './native.ts';

/**
 * A copy of the mount at `path`, not attached anywhere, on which files of root belong to the host id
 * that the user namespace of the process `pid` gives to root.
 * @returns a descriptor.
 * @throws SyscallError where the file system or the kernel (before 5.12; overlay: 5.19) has no such mounts.
 */
export function idmappedMount(path: string, reach: Reach, pid: number): number {
  const { OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, AT_RECURSIVE, AT_EMPTY_PATH } = treeFlags;
  const namespace = openSync(`/proc/${pid}/ns/user`, 'r');
  try {
    const below = reach === 'recursive' ? AT_RECURSIVE : 0;
    const mount = syscall('open_tree', AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | below);
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    const attributes = new BigUint64Array(4);
    attributes[0] = BigInt(mountAttributes.MOUNT_ATTR_IDMAP);
    // Where the host's mount is shared, what a box mounts in this one would show up on the host.
    attributes[2] = BigInt(mountFlags.MS_PRIVATE);
    attributes[3] = BigInt(namespace);
    try {
      const size = attributes.byteLength;
      syscall('mount_setattr', mount, '', AT_EMPTY_PATH | below, attributes, size);
    } catch (error) {
      closeSync(mount);
      throw error;
    }
    return mount;
  } finally {
    closeSync(namespace);
  }
}
