/** Waits for descriptors: ppoll(2). */
import { errnoNumber } from '../abi/errno.ts';
import { SyscallError, syscall } from './native.ts';

const POLLIN = 1;

/** What has become of the descriptors that were waited for; both lists are empty when nothing has. */
export interface Ready {
  readonly readable: readonly number[];
  /** Nothing will come any more, nor is there anything left to be read. */
  readonly closed: readonly number[];
}

/** @param milliseconds how long at most; for ever without. A signal ends it sooner. */
export function waitFor(fds: readonly number[], milliseconds?: number): Ready {
  // struct pollfd: fd, and two halves: events, revents.
  const polled = new Int32Array(fds.length * 2);
  fds.forEach((fd, index) => {
    polled[index * 2] = fd;
    polled[index * 2 + 1] = POLLIN;
  });
  try {
    syscall('ppoll', polled, fds.length, timespec(milliseconds), null, 8);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === errnoNumber('EINTR'))
      return { readable: [], closed: [] };
    throw error;
  }
  const events = (index: number) => (polled[index * 2 + 1] ?? 0) >>> 16;
  return {
    readable: fds.filter((_, index) => (events(index) & POLLIN) !== 0),
    closed: fds.filter((_, index) => events(index) !== 0 && (events(index) & POLLIN) === 0),
  };
}

/** Little-endian: tv_sec, tv_nsec. */
function timespec(milliseconds: number | undefined): Int32Array | null {
  if (milliseconds === undefined) return null;
  return Int32Array.of(Math.floor(milliseconds / 1000), 0, (milliseconds % 1000) * 1e6, 0);
}
