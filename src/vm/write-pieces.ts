/** Writes a file that is in memory in many pieces. */
import { closeSync, openSync, writeFileSync, writevSync } from 'node:fs';

/** Of a vector that writev(2) takes, IOV_MAX of limits.h at most. */
const VECTOR = 1024;

/** Makes a file, which everybody may read, of what the pieces hold, one after the other. @throws Error as writeFileSync() does. */
export function writePieces(path: string, pieces: readonly Uint8Array[]): void {
  const fd = openSync(path, 'wx', 0o444);
  try {
    for (let at = 0; at < pieces.length; at += VECTOR) {
      const some = pieces.slice(at, at + VECTOR);
      const written = writevSync(fd, some);
      const whole = some.reduce((sum, { length }) => sum + length, 0);
      // As on a file system that is full, which it says when it is asked again.
      if (written < whole) writeFileSync(fd, Buffer.concat(some).subarray(written));
    }
  } finally {
    closeSync(fd);
  }
}
