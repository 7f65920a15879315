/** The signals that do not reach this thread: rt_sigprocmask(2). */
import { syscall } from './native.ts';

/** Lets a signal (its number, 1 to 32) through to this thread. */
export function unblockSignal(number: number): void {
  const SIG_UNBLOCK = 1;
  const set = Uint32Array.of(1 << (number - 1), 0);
  syscall('rt_sigprocmask', SIG_UNBLOCK, set, null, set.byteLength);
}
