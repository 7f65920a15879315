/** Other processes, each held by a descriptor that no later one with its number can take over. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { SyscallError, syscall } from './native.ts';
import { waitFor } from './poll.ts';

/** pidfd_open(2). @returns undefined when there is no such process. */
export function openProcess(pid: number): number | undefined {
  try {
    return syscall('pidfd_open', pid, 0);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === errnoNumber('ESRCH')) return undefined;
    throw error;
  }
}

/** A tick of proc_pid_stat(5) in seconds: USER_HZ is 100 everywhere. */
const TICK = 0.01;

/** Whether the process is a child of that parent and was there at a time, in seconds since the host started. */
export function isChild(pid: number, pidfd: number, parent: number, time: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // From the third field on: the second is in brackets and may hold any.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [found, started] = [Number(fields[1]), Number(fields[19]) * TICK];
    return found === parent && started <= time + TICK && isAlive(pidfd);
  } catch {
    return false;
  }
}

/**
 * Opens a file of the process's in /proc.
 * @returns a descriptor; undefined when the process has ended.
 */
export function openOfProcess(pid: number, pidfd: number, name: string): number | undefined {
  const fd = openSync(`/proc/${pid}/${name}`, 'r');
  if (isAlive(pidfd)) return fd;
  closeSync(fd);
  return undefined;
}

/** What was read of its number before is about this process then. */
function isAlive(pidfd: number): boolean {
  return waitFor([pidfd], 0).readable.length === 0;
}
