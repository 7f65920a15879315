/** Writes to files of procfs, and to no other. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { SyscallError, syscall } from './native.ts';

/** statfs(2) */
const PROC_SUPER_MAGIC = 0x9fa0n;

/** A write that the kernel refused. */
export class ProcFileError extends SyscallError {
  readonly path: string;

  constructor(path: string, errno: number) {
    super('write', errno);
    this.message = `${path}: ${this.message}`;
    this.path = path;
  }
}

/**
 * What is written there changes a process, so that a write that ends up in another file of procfs, or
 * one that does not arrive, is an attack (CVE-2019-16884, 2025-52881): the descriptor itself is asked
 * where it leads before anything is written.
 * @throws ProcFileError, or Error when the file is not of procfs, or as openSync() does.
 */
export function writeProcFile(path: string, data: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    // struct statfs has 15 words; the first is the type.
    const facts = new BigUint64Array(16);
    syscall('fstatfs', fd, facts);
    if (facts[0] !== PROC_SUPER_MAGIC)
      throw new Error(`${path} is not in procfs: something else is mounted over the host's /proc`);
    write(fd, data, path);
  } finally {
    closeSync(fd);
  }
}

function write(fd: number, data: string, path: string): void {
  try {
    writeSync(fd, data);
  } catch (error) {
    throw new ProcFileError(path, -((error as NodeJS.ErrnoException).errno ?? 0));
  }
}
