/** Hands a descriptor to another program, with a message: unix(7), SCM_RIGHTS. */
import { closeSync } from 'node:fs';
import { addressOf, syscall } from './native.ts';
import { connectTo } from './unix-socket.ts';

/** @param path of the socket at which the program listens. @throws SyscallError */
export function passDescriptor(path: string, message: string, fd: number): void {
  const socket = connectTo(path);
  try {
    const text = Buffer.from(message);
    const vector = BigUint64Array.of(addressOf(text), BigInt(text.length));
    // struct cmsghdr: its length, SOL_SOCKET, SCM_RIGHTS; then the descriptor, to a multiple of 8.
    const control = new Int32Array(6);
    control.set([20, 0, 1, 1, fd]);
    // struct msghdr: name, its length, vector, its length, control, its length, flags.
    const header = BigUint64Array.of(
      0n,
      0n,
      addressOf(vector),
      1n,
      addressOf(control),
      BigInt(control.byteLength),
      0n,
    );
    const MSG_NOSIGNAL = 0x4000;
    syscall('sendmsg', socket, header, MSG_NOSIGNAL);
  } finally {
    closeSync(socket);
  }
}
