/** A FIFO by whose path one that writes is awaited: fifo(7). */
import { chmodSync, constants, openSync } from 'node:fs';
import { syscall } from './native.ts';

const AT_FDCWD = -100;
const S_IFIFO = 0o010000;

/**
 * Whoever comes to the path may write into it.
 * @returns a descriptor of its reading end, which does not wait. @throws Error as openSync() does
 */
export function makeFifo(path: string): number {
  syscall('mknodat', AT_FDCWD, path, S_IFIFO | 0o600, 0);
  chmodSync(path, 0o622);
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
}
