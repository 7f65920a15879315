/** The caller's standard input, sent to the guest no faster than the guest allows. */
import { constants, createReadStream, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream } from 'node:tty';
import { END_OF_FILE_AGAIN, endOfFile, NEWLINE } from '../sandbox/end-of-file.ts';
import type { Typist } from '../sandbox/sandbox.ts';
import { type HostFrame, MAX_CHUNK, MAX_CREDIT } from './channel.ts';

export interface Input {
  /** So many more bytes may be sent. @throws Error for more than a guest has room for. */
  allow(bytes: number): void;
  /** No more may be sent, until it is allowed anew. */
  stop(): void;
  close(): void;
}

type Send = (type: HostFrame, bytes?: Uint8Array) => void;

/** How input reaches the workload. Each returns how many bytes of the credit it has used. */
export interface Way {
  take(chunk: Uint8Array): number;
  /** How many bytes may be sent on top of the next chunk. */
  readonly held: number;
  /** @param credit how many there are. */
  end(credit: number): number;
  /** Milliseconds after which the end is said again, and again. */
  readonly endAgain?: number;
}

/** To a pipe of the workload's. */
export function pipe(send: Send): Way {
  return {
    held: 0,
    take: (chunk) => {
      send('stdin', chunk);
      return chunk.length;
    },
    end: () => {
      send('eof');
      return 0;
    },
  };
}

/** To a terminal of the workload's. @param typed what of it is the box's. */
export function keyboard(typed: Typist, send: Send): Way {
  const CTRL_D = 4;
  let last = NEWLINE;
  const type = (bytes: Uint8Array): number => {
    if (bytes.length > 0) send('stdin', bytes);
    last = bytes.at(-1) ?? last;
    return bytes.length;
  };
  return {
    get held() {
      return typed.held;
    },
    take: (chunk) => type(typed.take(chunk)),
    end: (credit) => {
      const keys = endOfFile(CTRL_D, last);
      if (credit < keys.length) return 0;
      last = NEWLINE;
      send('stdin', keys);
      return keys.length;
    },
    endAgain: END_OF_FILE_AGAIN,
  };
}

export function openInput(fd: number, way: Way): Input {
  const stream = openStream(fd);
  let credit = 0;
  let again: NodeJS.Timeout | undefined;
  let ended = false;
  const pump = (): void => {
    while (credit > way.held && !ended) {
      const chunk: Buffer | null = stream.read(
        Math.min(credit - way.held, MAX_CHUNK, stream.readableLength || 1),
      );
      if (chunk === null) return;
      credit -= way.take(chunk);
    }
  };
  const end = (): void => {
    if (ended) return;
    ended = true;
    const say = (): void => {
      credit -= way.end(credit);
    };
    say();
    if (way.endAgain !== undefined) again = setInterval(say, way.endAgain);
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
    stop: () => {
      credit = 0;
    },
    close: () => {
      clearInterval(again);
      stream.destroy();
    },
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
