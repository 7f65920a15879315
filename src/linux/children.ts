/** Waits for processes made by clone3(2), which Node does not know of. */
import { closeSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { SyscallError, syscall } from './native.ts';

/** How a process ended, waitid(2). */
export interface Ended {
  readonly how: 'exited' | 'signalled';
  /** Exit code or signal number. */
  readonly status: number;
  /** CLOCK_MONOTONIC in nanoseconds at which it was noticed. */
  readonly at: bigint;
}

const waiting = new Map<number, (ended: Ended) => void>();
let keepAlive: NodeJS.Timeout | undefined;

/** The longest delay that a timer can have; nothing happens when it fires. */
const LONG = 2 ** 31 - 1;

/**
 * Settles when the process that the pidfd refers to has ended; it is reaped and the pidfd closed.
 * @param block milliseconds for which this thread first does nothing but wait.
 */
export function endOf(pidfd: number, block: number): Promise<Ended> {
  if (block > 0) waitIdly(pidfd, block);
  return new Promise((settle) => {
    const ended = reap(pidfd, 'if it has ended');
    if (ended !== undefined) {
      settle(ended);
      return;
    }
    if (waiting.size === 0) {
      process.on('SIGCHLD', look);
      // A signal handler alone does not keep Node running.
      keepAlive = setInterval(() => undefined, LONG);
    }
    waiting.set(pidfd, settle);
    // It may have ended before the handler was there.
    look();
  });
}

/** Until the process has ended, the time is up or a signal has come, to whose handler that leaves the thread. */
function waitIdly(pidfd: number, milliseconds: number): void {
  const POLLIN = 1;
  // struct pollfd: fd, events, revents. struct timespec, little-endian: tv_sec, tv_nsec.
  const poll = Int32Array.of(pidfd, POLLIN);
  const time = Int32Array.of(Math.floor(milliseconds / 1000), 0, (milliseconds % 1000) * 1e6, 0);
  try {
    syscall('ppoll', poll, 1, time, null, 8);
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === errnoNumber('EINTR'))) throw error;
  }
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
  clearInterval(keepAlive);
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
  if (information[0] === 0) return undefined;
  closeSync(pidfd);
  return {
    how: information[2] === CLD_EXITED ? 'exited' : 'signalled',
    status: information[6] ?? 0,
    at: process.hrtime.bigint(),
  };
}
