/** Hands descriptors to another process, with a message: unix(7), SCM_RIGHTS. */
import { closeSync } from 'node:fs';
import { messageFlags } from '../abi/flags.ts';
import { controlSize } from '../plan/socket-calls.ts';
import { addressOf, syscall } from './native.ts';
import { connectAtOnce } from './unix-socket.ts';

/** @param path of the socket at which the program listens. @throws SyscallError */
export function passDescriptor(path: string, message: string, fd: number): void {
  const socket = connectAtOnce(path);
  try {
    sendDescriptors(socket, Buffer.from(message), [fd]);
  } finally {
    closeSync(socket);
  }
}

/** @throws SyscallError with EPIPE where the other end is closed. */
export function sendDescriptors(
  socket: number,
  message: Uint8Array,
  descriptors: readonly number[],
): void {
  const vector = BigUint64Array.of(addressOf(message), BigInt(message.length));
  // struct cmsghdr: its length, in 8 bytes, SOL_SOCKET, SCM_RIGHTS; then the descriptors.
  const control = new Int32Array(controlSize(descriptors.length) / 4);
  control.set([16 + descriptors.length * 4, 0, 1, 1, ...descriptors]);
  // struct msghdr: name, its length, vector, its length, control, its length, flags.
  const header = BigUint64Array.of(
    0n,
    0n,
    addressOf(vector),
    1n,
    descriptors.length === 0 ? 0n : addressOf(control),
    BigInt(descriptors.length === 0 ? 0 : control.byteLength),
    0n,
  );
  syscall('sendmsg', socket, header, messageFlags.MSG_NOSIGNAL);
}

/**
 * Waits for a message of one byte and takes the descriptor that comes with it.
 * @returns undefined when the other end was closed instead. @throws SyscallError
 */
export function receiveDescriptor(socket: number): number | undefined {
  const byte = new Uint8Array(1);
  const vector = BigUint64Array.of(addressOf(byte), 1n);
  const control = new Int32Array(controlSize(1) / 4);
  const size = BigInt(control.byteLength);
  const header = BigUint64Array.of(0n, 0n, addressOf(vector), 1n, addressOf(control), size, 0n);
  const flags = messageFlags.MSG_CMSG_CLOEXEC;
  if (syscall('recvmsg', socket, header, flags) === 0 || header[5] === 0n) return undefined;
  return control[4];
}
