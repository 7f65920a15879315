/** Sockets of this host: unix(7). */
import { closeSync } from 'node:fs';
import { messageFlags } from '../abi/flags.ts';
import { controlSize } from '../plan/socket-calls.ts';
import { addressOf, syscall } from './native.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

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

function socketAt(path: string, call: 'bind' | 'connect'): number {
  const fd = syscall('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

/**
 * Sends one byte, and descriptors with it: sendmsg(2), cmsg(3).
 * @throws SyscallError with EPIPE where the other end is closed.
 */
export function sendDescriptors(socket: number, descriptors: readonly number[]): void {
  const SOL_SOCKET = 1;
  const SCM_RIGHTS = 1;
  const header = 16;
  const length = header + descriptors.length * 4;
  // struct cmsghdr: cmsg_len, cmsg_level, cmsg_type, and behind it the numbers.
  const control = new Int32Array(controlSize(descriptors.length) / 4);
  control.set([length, 0, SOL_SOCKET, SCM_RIGHTS, ...descriptors]);
  const byte = new Uint8Array(1);
  const buffers = BigUint64Array.of(addressOf(byte), 1n);
  // struct msghdr: msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen, msg_flags.
  const message = new BigUint64Array(7);
  message[2] = addressOf(buffers);
  message[3] = 1n;
  if (descriptors.length > 0) {
    message[4] = addressOf(control);
    message[5] = BigInt(length);
  }
  syscall('sendmsg', socket, message, messageFlags.MSG_NOSIGNAL);
}
