/** The signals that do not reach this thread: rt_sigprocmask(2). */
import { syscall } from './native.ts';

const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
const SIG_SETMASK = 2;

/** Lets a signal (its number, 1 to 32) through to this thread. */
export function unblockSignal(number: number): void {
  const set = Uint32Array.of(1 << (number - 1), 0);
  syscall('rt_sigprocmask', SIG_UNBLOCK, set, null, set.byteLength);
}

/** Does a call that must not be interrupted; signals that come meanwhile are heeded after it. */
export function undisturbed<Result>(call: () => Result): Result {
  const all = Uint32Array.of(0xffffffff, 0xffffffff);
  const before = new Uint32Array(2);
  syscall('rt_sigprocmask', SIG_BLOCK, all, before, all.byteLength);
  try {
    return call();
  } finally {
    syscall('rt_sigprocmask', SIG_SETMASK, before, null, before.byteLength);
  }
}
