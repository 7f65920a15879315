/** Waits for descriptors: ppoll(2). */
import { errnoNumber } from '../abi/errno.ts';
import { SyscallError, syscall } from './native.ts';

const POLLIN = 1;
const POLLOUT = 4;

/** What has become of the descriptors that were waited for; all lists are empty when nothing has. */
export interface Ready {
  readonly readable: readonly number[];
  /** Nothing will come any more, nor is there anything left to be read. */
  readonly closed: readonly number[];
  /** Something can be written, or never again. */
  readonly writable: readonly number[];
}

/**
 * @param fds to be read.
 * @param milliseconds how long at most; for ever without. A signal ends it sooner.
 * @param outputs to be written.
 */
export function waitFor(
  fds: readonly number[],
  milliseconds?: number,
  outputs: readonly number[] = [],
): Ready {
  // struct pollfd: fd, and two halves: events, revents.
  const polled = Int32Array.from([
    ...fds.flatMap((fd) => [fd, POLLIN]),
    ...outputs.flatMap((fd) => [fd, POLLOUT]),
  ]);
  try {
    syscall('ppoll', polled, polled.length / 2, timespec(milliseconds), null, 8);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === errnoNumber('EINTR'))
      return { readable: [], closed: [], writable: [] };
    throw error;
  }
  const events = (index: number) => (polled[index * 2 + 1] ?? 0) >>> 16;
  return {
    readable: fds.filter((_, index) => (events(index) & POLLIN) !== 0),
    closed: fds.filter((_, index) => events(index) !== 0 && (events(index) & POLLIN) === 0),
    writable: outputs.filter((_, index) => events(fds.length + index) !== 0),
  };
}

/** Little-endian: tv_sec, tv_nsec. */
function timespec(milliseconds: number | undefined): Int32Array | null {
  if (milliseconds === undefined) return null;
  return Int32Array.of(Math.floor(milliseconds / 1000), 0, (milliseconds % 1000) * 1e6, 0);
}
