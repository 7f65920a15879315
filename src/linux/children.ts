/** Waits for processes made by clone3(2), which Node does not know of. */
import { closeSync } from 'node:fs';
import { syscall } from './native.ts';
import { waitFor } from './poll.ts';

/** How a process ended, waitid(2). */
export interface Ended {
  readonly how: 'exited' | 'signalled';
  /** Exit code or signal number. */
  readonly status: number;
  /** CLOCK_MONOTONIC in nanoseconds at which it was noticed. */
  readonly at: bigint;
}

const waiting = new Map<number, (ended: Ended) => void>();
let looking: NodeJS.Timeout | undefined;

/** Milliseconds between two looks without a signal: Node loses those that come while many others do. */
const UNTOLD = 1000;

/**
 * Settles when the process that the pidfd refers to has ended; it is reaped and the pidfd closed.
 * @param block milliseconds for which this thread first does nothing but wait.
 */
export function endOf(pidfd: number, block: number): Promise<Ended> {
  // Until it has ended, the time is up or a signal has come, to whose handler that leaves the thread.
  if (block > 0) waitFor([pidfd], block);
  return new Promise((settle) => {
    const ended = reap(pidfd, 'if it has ended');
    if (ended !== undefined) {
      settle(ended);
      return;
    }
    if (waiting.size === 0) {
      process.on('SIGCHLD', look);
      // It keeps Node running, too, which a signal handler does not.
      looking = setInterval(look, UNTOLD);
    }
    waiting.set(pidfd, settle);
    // It may have ended before the handler was there.
    look();
  });
}

function look(): void {
  for (const [pidfd, settle] of waiting) {
    const ended = reap(pidfd, 'if it has ended');
    if (ended === undefined) continue;
    waiting.delete(pidfd);
    settle(ended);
  }
  if (waiting.size > 0) return;
  process.off('SIGCHLD', look);
  clearInterval(looking);
}

/** Reaps the process and closes its pidfd; undefined while it is running, unless that is waited for. */
export function reap(pidfd: number, when: 'if it has ended' | 'wait'): Ended | undefined {
  const P_PIDFD = 3;
  const WNOHANG = 1;
  const WEXITED = 4;
  const CLD_EXITED = 1;
  const information = new Int32Array(32);
  const options = when === 'wait' ? WEXITED : WEXITED | WNOHANG;
  syscall('waitid', P_PIDFD, pidfd, information, options, null);
  // siginfo_t: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_status.
  if (!isEnd(information)) return undefined;
  closeSync(pidfd);
  return {
    how: information[2] === CLD_EXITED ? 'exited' : 'signalled',
    status: information[6] ?? 0,
    at: process.hrtime.bigint(),
  };
}

/** Whether a siginfo_t of waitid(2) tells of an end: while another thread traces the process, its stops come, too. */
export function isEnd(information: Int32Array): boolean {
  const [CLD_EXITED, CLD_DUMPED] = [1, 3];
  const [signal = 0, , code = 0] = information;
  return signal !== 0 && code >= CLD_EXITED && code <= CLD_DUMPED;
}
