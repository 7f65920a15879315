/**
 * A process by its number and when it started, as its number can be another's later: for whoever
 * finds, long after, what a box has left. proc_pid_stat(5), pidfd_open(2).
 */
import { closeSync, readFileSync } from 'node:fs';
import { signalNumbers } from '../abi/signals.ts';
import { signalProcess } from './clone.ts';
import { waitFor } from './poll.ts';
import { openProcess } from './process.ts';

/** @returns `PID STARTED`; undefined when it is gone. */
export function nameProcess(pid: number): string | undefined {
  const started = startOf(pid);
  return started === undefined ? undefined : `${pid} ${started}`;
}

/**
 * Kills it; with the first process of a pid namespace the kernel kills all others there.
 * @param name of {@link nameProcess}.
 * @param milliseconds how long its end is waited for.
 * @throws Error when it is still there then.
 */
export function endNamed(name: string, milliseconds: number): void {
  const [pid = 0] = name.split(' ').map(Number);
  const pidfd = openProcess(pid);
  if (pidfd === undefined) return;
  try {
    // Looked at after the descriptor is open, which no later process can take over.
    if (nameProcess(pid) !== name) return;
    signalProcess(pidfd, signalNumbers.SIGKILL);
    if (waitFor([pidfd], milliseconds).readable.length === 0)
      throw new Error(`process ${pid} of it does not end`);
  } finally {
    closeSync(pidfd);
  }
}

/** Its 22nd field, in ticks since the kernel started; the second is in brackets and may hold any. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
