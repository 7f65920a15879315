/** clone3(2) of a process that carries out a plan. */
import { cloneFlags } from '../abi/flags.ts';
import { signalNumbers } from '../abi/signals.ts';
import { addressOf, launchInit, syscall } from './native.ts';

export interface Cloned {
  readonly pid: number;
  /** Refers to this very process for as long as it is open, pidfd_open(2). */
  readonly pidfd: number;
}

/**
 * @param flags must contain CLONE_VM, CLONE_VFORK and CLONE_PIDFD.
 * @param files this process's descriptors that become 0, 1, 2 … of the new one.
 * @param cgroup descriptor of the cgroup's directory, with CLONE_INTO_CGROUP.
 * @throws SyscallError
 */
export function cloneInit(
  flags: readonly (keyof typeof cloneFlags)[],
  files: readonly number[],
  cgroup?: number,
): Cloned {
  const args = new BigUint64Array(11);
  const pidfd = new Int32Array(2);
  args[0] = flags.reduce((sum, flag) => sum | BigInt(cloneFlags[flag]), 0n);
  args[1] = addressOf(pidfd);
  args[4] = BigInt(signalNumbers.SIGCHLD);
  args[10] = BigInt(cgroup ?? 0);
  const pid = launchInit(new Uint8Array(args.buffer), files);
  return { pid, pidfd: pidfd[0] ?? -1 };
}

/** pidfd_send_signal(2); a process that has ended already is no error. */
export function signalProcess(pidfd: number, signal: number): void {
  try {
    syscall('pidfd_send_signal', pidfd, signal, null, 0);
  } catch {
    // ESRCH: it has ended. EBADF cannot be: the descriptor is closed only after the wait.
  }
}
