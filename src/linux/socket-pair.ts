/** Two sockets that are connected to each other: socketpair(2). */
import { syscall } from './native.ts';

/** @returns descriptors, both closed by execve. */
export function socketPair(): [number, number] {
  const AF_UNIX = 1;
  const SOCK_STREAM = 1;
  const SOCK_CLOEXEC = 0o2000000;
  const pair = new Int32Array(2);
  syscall('socketpair', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, new Uint8Array(pair.buffer));
  return [pair[0] ?? -1, pair[1] ?? -1];
}
