/** A file system whose owners cannot be mapped: mount_setattr(2), "ID-mapped mounts". */
import { closeSync, realpathSync } from 'node:fs';
import { release } from 'node:os';
import { errnoName } from '../abi/errno.ts';
import { idmappedMount } from '../linux/idmap.ts';
import { fileSystemAround } from '../linux/mountinfo.ts';
import { SyscallError } from '../linux/native.ts';
import { writeProcFile } from '../linux/proc-file.ts';
import { whileHeld } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';
import { isSince } from './kernel-calls.ts';
import { readText } from './status.ts';

/** The version of Linux from which each can, of the man page and its kernel's sources. */
const since: Readonly<Record<string, string>> = {
  ext4: '5.12',
  vfat: '5.12',
  xfs: '5.12',
  btrfs: '5.15',
  f2fs: '5.18',
  erofs: '5.19',
  overlay: '5.19',
  squashfs: '6.2',
  tmpfs: '6.3',
  fuse: '6.12',
};

/** Any range will do. */
const map = '0 524288 1';

export const ownerMaps: Probe = {
  concerns: ({ path }) => path !== undefined,
  looksAt: 'owners on that file system can be mapped',
  prove: async ({ path = '' }) => {
    try {
      await whileHeld(['CLONE_NEWUSER'], async (pid) => {
        for (const kind of ['uid', 'gid']) writeProcFile(`/proc/${pid}/${kind}_map`, map);
        closeSync(idmappedMount(path, 'this mount', pid));
      });
      return undefined;
    } catch (error) {
      if (!(error instanceof SyscallError) || error.call !== 'mount_setattr') return undefined;
      const found = fileSystemAround(readText('/proc/self/mountinfo') ?? '', realpathSync(path));
      return judgeOwnerMaps(path, errnoName(error.errno), found, release());
    }
  },
};

/** @param error of the mount_setattr that maps its owners. @param found what the path lies on. */
export function judgeOwnerMaps(
  path: string,
  error: string,
  found: ReturnType<typeof fileSystemAround>,
  kernel: string,
): Cause | undefined {
  if (found === undefined) return undefined;
  const { type, idmapped } = found;
  if (error === 'EPERM' && idmapped)
    return {
      sentence: `owners of files in ${path} are mapped already (idmapped in /proc/self/mountinfo), and cannot be twice`,
      mend: 'give the directory by a mount without a map, or leave --userns=auto (and idmap) out',
    };
  if (error !== 'EINVAL') return undefined;
  const version = since[type];
  const older = version !== undefined && !isSince(kernel, version);
  return {
    sentence: `the file system of ${path}, ${type}, cannot map owners on Linux ${kernel}${older ? `: it can from ${version} on` : ''}`,
    mend: 'keep it on ext4, xfs or btrfs, or leave --userns=auto (and idmap) out',
  };
}
