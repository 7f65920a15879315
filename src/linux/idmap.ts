/** Mounts whose owners are mapped: mount_setattr(2), "ID-mapped mounts". */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { AT_FDCWD, mountAttributes, treeFlags } from '../abi/flags.ts';
import { idMap } from '../plan/container.ts';
import { waitForParent } from '../plan/identity.ts';
import type { Linux } from '../spec/spec.ts';
import { type Interpreter, interpret } from './interpreter.ts';
import { syscall } from './native.ts';

/**
 * A copy of the mount at `path`, not attached anywhere, on which files of root belong to the host id
 * that the maps give to root. A user namespace with these maps has to exist for a moment: that of a
 * process that waits.
 * @returns a descriptor and the process, which ends once its namespace has been used.
 * @throws SyscallError where the file system or the kernel (before 5.12; overlay: 5.19) has no such mounts.
 */
export async function idmappedMount(
  path: string,
  { uidMappings, gidMappings }: Pick<Linux, 'uidMappings' | 'gidMappings'>,
): Promise<number> {
  const holder = interpret({
    steps: [waitForParent()],
    clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD', 'CLONE_NEWUSER'],
    stdio: [0, 1, 2],
  });
  try {
    writeFileSync(`/proc/${holder.pid}/uid_map`, idMap(uidMappings));
    writeFileSync(`/proc/${holder.pid}/gid_map`, idMap(gidMappings));
    return mapMount(path, holder);
  } finally {
    holder.go();
    holder.carryOut();
    await holder.end();
  }
}

function mapMount(path: string, holder: Interpreter): number {
  const { OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, AT_RECURSIVE, AT_EMPTY_PATH } = treeFlags;
  const namespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  try {
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    const mount = syscall('open_tree', AT_FDCWD, path, flags);
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    const attributes = new BigUint64Array(4);
    attributes[0] = BigInt(mountAttributes.MOUNT_ATTR_IDMAP);
    attributes[3] = BigInt(namespace);
    try {
      const recursive = AT_EMPTY_PATH | AT_RECURSIVE;
      syscall('mount_setattr', mount, '', recursive, attributes, attributes.byteLength);
    } catch (error) {
      closeSync(mount);
      throw error;
    }
    return mount;
  } finally {
    closeSync(namespace);
  }
}
