/** Locks that end with the process that holds them: flock(2). */
import { SyscallError, syscall } from './native.ts';

/** @returns whether the file is locked now by this descriptor, and by no other. */
export function tryLock(fd: number): boolean {
  const LOCK_EX = 2;
  const LOCK_NB = 4;
  const EAGAIN = 11;
  try {
    syscall('flock', fd, LOCK_EX | LOCK_NB);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.errno === EAGAIN) return false;
    throw error;
  }
}

/** Whether another process has it locked. */
export function isLocked(fd: number): boolean {
  return !tryLock(fd);
}
