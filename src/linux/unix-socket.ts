/** Sockets of this host: unix(7). */
import { closeSync } from 'node:fs';
import { syscall } from './native.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;

/** Two sockets that are connected to each other: socketpair(2). @returns descriptors, both closed by execve. */
export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  syscall('socketpair', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
  return [pair[0] ?? -1, pair[1] ?? -1];
}

/** @returns a descriptor, closed by execve, of a socket that is connected to the one at `path`. @throws SyscallError */
export function connectTo(path: string): number {
  return socketAt(path, 'connect');
}

/** The same, of a non-blocking one, and without waiting: EAGAIN where more wait to be accepted than may. */
export function connectAtOnce(path: string): number {
  return socketAt(path, 'connect', SOCK_NONBLOCK);
}

/**
 * A socket at `path` to which others can connect from now on, whoever accepts them later.
 * @param path at most 107 bytes.
 * @returns a descriptor, closed by execve.
 * @throws SyscallError
 */
export function listenAt(path: string): number {
  const fd = socketAt(path, 'bind');
  try {
    syscall('listen', fd, 1);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function socketAt(path: string, call: 'bind' | 'connect', more = 0): number {
  const fd = syscall('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | more, 0);
  try {
    // struct sockaddr_un: sun_family, sun_path with its final zero.
    const address = Buffer.from(`\0\0${path}\0`);
    address.writeUInt16LE(AF_UNIX, 0);
    syscall(call, fd, address, address.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
