/** Opens files of a root file system that may be hostile: openat2(2). */
import { constants, openSync } from 'node:fs';
import { resolveFlags } from '../abi/flags.ts';
import { syscall } from './native.ts';

const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
/** The size of `struct open_how`: flags, mode, resolve. */
const HOW = 24;

/** @returns a descriptor of the directory, which need not be readable. @throws Error as openSync() does. */
export function openRoot(directory: string): number {
  return openSync(directory, O_PATH | constants.O_DIRECTORY);
}

/**
 * Opens a file for reading. Links are resolved as in a chroot(2) to that directory, and one of
 * procfs that leads elsewhere is not followed; a FIFO does not block.
 * @param root that of {@link openRoot}.
 * @returns a descriptor, closed by execve.
 * @throws SyscallError
 */
export function openInside(root: number, path: string): number {
  const { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } = resolveFlags;
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC;
  const how = Uint32Array.of(flags, 0, 0, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, 0);
  return syscall('openat2', root, path, how, HOW);
}
