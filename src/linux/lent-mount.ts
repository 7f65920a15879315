/** A mount of a file, for another mount namespace: open_tree(2). */
import { closeSync } from 'node:fs';
import { AT_FDCWD, mountFlags, treeFlags } from '../abi/flags.ts';
import { syscall } from './native.ts';

/** @returns a descriptor of a mount that is not attached anywhere. @throws SyscallError */
export function lentMount(path: string): number {
  const { OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH } = treeFlags;
  const how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW;
  const mount = syscall('open_tree', AT_FDCWD, path, how);
  try {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    const attributes = BigUint64Array.of(0n, 0n, BigInt(mountFlags.MS_PRIVATE), 0n);
    syscall('mount_setattr', mount, '', AT_EMPTY_PATH, attributes, attributes.byteLength);
    return mount;
  } catch (error) {
    closeSync(mount);
    throw error;
  }
}
