/** Standard error, unbuffered: a stream of Node's would make the workload's descriptor non-blocking. */
import { writeSync } from 'node:fs';

/** Prints a message about tsbox itself, apart from what the workload prints. */
export function say(message: string): void {
  writeAll(2, `tsbox: ${message}\n`);
}

/** Writes everything, also to a pipe that another process has made non-blocking. */
export function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      else if (code === 'EPIPE' || code === 'EBADF') return;
      else throw error;
    }
  }
}
