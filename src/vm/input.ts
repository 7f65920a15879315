/** The caller's standard input, sent to the guest no faster than the guest allows. */
import { constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { type HostFrame, MAX_CHUNK, MAX_CREDIT } from './channel.ts';

export interface Input {
  /** So many more bytes may be sent. @throws Error for more than a guest has room for. */
  allow(bytes: number): void;
  close(): void;
}

export function openInput(fd: number, send: (type: HostFrame, bytes?: Uint8Array) => void): Input {
  const stream = openStream(fd);
  let credit = 0;
  let ended = false;
  const pump = (): void => {
    while (credit > 0 && !ended) {
      const chunk: Buffer | null = stream.read(
        Math.min(credit, MAX_CHUNK, stream.readableLength || 1),
      );
      if (chunk === null) return;
      credit -= chunk.length;
      send('stdin', chunk);
    }
  };
  const end = (): void => {
    if (ended) return;
    ended = true;
    send('eof');
  };
  stream.on('readable', pump);
  stream.on('end', end);
  stream.on('error', end);
  return {
    allow: (bytes) => {
      credit += bytes;
      if (credit > MAX_CREDIT) throw new Error(`credit for ${credit} bytes`);
      pump();
    },
    close: () => stream.destroy(),
  };
}

/**
 * Reads through a file description of its own where the kernel gives one: making the caller's
 * non-blocking would do so for everyone who has it.
 */
function openStream(fd: number): Readable {
  const kind = fstatSync(fd);
  if (kind.isFile()) return createReadStream('', { fd, autoClose: false });
  if (kind.isSocket()) return new Socket({ fd, readable: true, writable: false });
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const own = openSync(`/proc/self/fd/${fd}`, flags);
  if (isatty(own)) return new ReadStream(own);
  return kind.isFIFO()
    ? new Socket({ fd: own, readable: true, writable: false })
    : createReadStream('', { fd: own });
}
