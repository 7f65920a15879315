/** Output without Node's streams, which would make the descriptor non-blocking for everyone who has it. */
import { writeSync } from 'node:fs';
import { BoxError } from './errors.ts';

/**
 * Writes everything, also to a pipe that another process has made non-blocking.
 * @returns whether anyone is there to read it.
 * @throws BoxError where it cannot be written for another reason, as on a full disk.
 */
export function writeAll(fd: number, data: string | Uint8Array): boolean {
  let rest = Buffer.from(data);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      else if (code === 'EPIPE' || code === 'EBADF') return false;
      else throw new BoxError(`${nameOf(fd)} cannot be written to: ${(error as Error).message}`);
    }
  }
  return true;
}

function nameOf(fd: number): string {
  return ['standard input', 'standard output', 'standard error'][fd] ?? `descriptor ${fd}`;
}
