/** System calls on the socket to tsbox (parent.ts): send(2), recv(2), cmsg(3). */
import * as abi from '../abi/flags.ts';
import { EMPTY, flags, NULL, number, structure, ZERO } from './arguments.ts';
import type { Argument, Call } from './step.ts';

/** sendto(2) of no bytes: EPIPE when the other end of a connection is closed; nobody is woken. */
export function sendNothing(socket: number): Call {
  const noSignal = flags(abi.messageFlags, ['MSG_NOSIGNAL']);
  return { call: 'sendto', args: [number(socket), EMPTY, ZERO, noSignal, NULL, ZERO] };
}

/** sendto(2) of one byte: whoever reads the socket goes on. */
export function sendByte(socket: number): Call {
  const byte: Buffers = { kind: 'bytes', value: new Uint8Array(1), text: '"\\0"' };
  const noSignal = flags(abi.messageFlags, ['MSG_NOSIGNAL']);
  return { call: 'sendto', args: [number(socket), byte, number(1), noSignal, NULL, ZERO] };
}

/** recvmsg(2) of one byte, and with it that many descriptors, each closed by execve. */
export function receive(socket: number, descriptors: number): Call {
  const byte: Buffers = { kind: 'bytes', value: new Uint8Array(1), text: '…' };
  const control: Buffers = {
    kind: 'bytes',
    value: new Uint8Array(controlSize(descriptors)),
    text: '{cmsg_type=SCM_RIGHTS, …}',
  };
  const message = structure({
    msg_name: NULL,
    msg_namelen: ZERO,
    msg_iov: structure({ iov_base: byte, iov_len: number(1) }),
    msg_iovlen: number(1),
    msg_control: descriptors === 0 ? NULL : control,
    msg_controllen: number(descriptors === 0 ? 0 : control.value.length),
    msg_flags: ZERO,
  });
  return {
    call: 'recvmsg',
    args: [number(socket), message, flags(abi.messageFlags, ['MSG_CMSG_CLOEXEC'])],
  };
}

/** sendmsg(2) of one byte, and with it the descriptor of that number. */
export function sendDescriptor(socket: number, descriptor: number): Call {
  const byte: Buffers = { kind: 'bytes', value: Uint8Array.of(0x2e), text: '"."' };
  // struct cmsghdr: its length, in 8 bytes, SOL_SOCKET, SCM_RIGHTS; then the descriptor.
  const words = Int32Array.of(20, 0, 1, 1, descriptor, 0);
  const control: Buffers = {
    kind: 'bytes',
    value: new Uint8Array(words.buffer),
    text: `{cmsg_type=SCM_RIGHTS, [${descriptor}]}`,
  };
  const message = structure({
    msg_name: NULL,
    msg_namelen: ZERO,
    msg_iov: structure({ iov_base: byte, iov_len: number(1) }),
    msg_iovlen: number(1),
    msg_control: control,
    msg_controllen: number(control.value.length),
    msg_flags: ZERO,
  });
  return {
    call: 'sendmsg',
    args: [number(socket), message, flags(abi.messageFlags, ['MSG_NOSIGNAL'])],
  };
}

type Buffers = Extract<Argument, { readonly kind: 'bytes' }>;

/** CMSG_SPACE: a header of 16 bytes, and the numbers, 4 bytes each, in whole words. */
export function controlSize(descriptors: number): number {
  return 16 + ((descriptors * 4 + 7) & ~7);
}
