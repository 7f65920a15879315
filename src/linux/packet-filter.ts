/** Changes the kernel's packet filter. */
import { close, readSync, writeSync } from 'node:fs';
import { messageTypes } from '../abi/netlink.ts';
import { encodeMessage, MESSAGE_HEADER, type Message } from '../plan/netlink.ts';
import { SyscallError, syscall } from './native.ts';
import { openSocket } from './netlink.ts';

/** socket(7) */
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
/** An answer has the message that it is about, as far as it goes. */
const BUFFER = 32768;
const nothing = { indexOf: () => 0 };

/**
 * Has a batch carried out, the whole of it or nothing, in the network namespace of this thread.
 * @param messages of which the first begins the batch, the last ends it, and the one before wants an answer.
 * @throws SyscallError named as the message that was refused.
 */
export function sendBatch(messages: readonly Message[]): void {
  const batch = Buffer.concat(messages.map((each, index) => encodeMessage(each, index, nothing)));
  const socket = openSocket('NETLINK_NETFILTER');
  try {
    const size = new Uint32Array([2 * batch.length]);
    syscall('setsockopt', socket, SOL_SOCKET, SO_SNDBUFFORCE, size, size.byteLength);
    writeSync(socket, batch);
    readAnswer(socket, messages);
  } finally {
    // Until what was removed is freed, which takes some 10 ms: nobody needs to wait for that.
    close(socket);
  }
}

/** One of success is the last; who is refused as a whole is told so of the batch's beginning. */
function readAnswer(socket: number, messages: readonly Message[]): void {
  const buffer = Buffer.alloc(BUFFER);
  for (;;) {
    const size = readSync(socket, buffer);
    for (let at = 0; at + MESSAGE_HEADER + 4 <= size; ) {
      const length = buffer.readUInt32LE(at);
      const kind = buffer.readUInt16LE(at + 4);
      const refused = messages[buffer.readUInt32LE(at + 8)];
      const errno = -buffer.readInt32LE(at + MESSAGE_HEADER);
      at += (length + 3) & ~3;
      if (kind !== messageTypes.NLMSG_ERROR) continue;
      if (errno !== 0) throw new SyscallError(refused?.type ?? 'sendto', errno);
      return;
    }
  }
}
