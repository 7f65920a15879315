/**
 * The host's end of the guest channel (native/channel.h, ORDER CHANNEL). The guest is hostile:
 * whatever does not fit the format ends the channel with an error.
 */
export const CHANNEL_VERSION = 2;
const MAX_PAYLOAD = 65536;
const HEADER_SIZE = 8;

const guestFrames = {
  1: 'hello',
  2: 'stdout',
  3: 'stderr',
  4: 'credit',
  5: 'report',
  6: 'exit',
  7: 'begun',
  8: 'done',
  9: 'held',
} as const;
const hostFrames = {
  stdin: 16,
  eof: 17,
  signal: 18,
  resize: 19,
  hosts: 20,
  plan: 21,
  hold: 22,
} as const;

export type GuestFrame =
  /** `now`: the guest's CLOCK_MONOTONIC in nanoseconds. */
  | { readonly type: 'hello'; readonly version: number; readonly now: bigint }
  | { readonly type: 'stdout' | 'stderr' | 'report' | 'done'; readonly bytes: Buffer }
  /** The workload's process has been made, with this number. */
  | { readonly type: 'begun'; readonly now: bigint; readonly process: number }
  /** It sends nothing more before the next plan is done. */
  | { readonly type: 'held' }
  /** So many more bytes of standard input may be sent. */
  | { readonly type: 'credit'; readonly bytes: number }
  /** `status` as wait(2) gives it. */
  | {
      readonly type: 'exit';
      readonly status: number;
      readonly oomKilled: boolean;
      readonly now: bigint;
    };

/** Bytes that a frame of this type has; undefined where its length is its own. */
const lengths: Readonly<Record<GuestFrame['type'], number | undefined>> = {
  hello: 16,
  stdout: undefined,
  stderr: undefined,
  credit: 4,
  report: undefined,
  exit: 16,
  begun: 16,
  done: undefined,
  held: 0,
};

/** Puts frames together from what arrives in pieces. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** @throws Error that says what does not fit. */
  *take(chunk: Buffer): Generator<GuestFrame> {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= HEADER_SIZE) {
      const type = this.#pending.readUInt32LE(0);
      const length = this.#pending.readUInt32LE(4);
      if (length > MAX_PAYLOAD) throw new Error(`a frame of ${length} bytes`);
      if (this.#pending.length < HEADER_SIZE + length) return;
      const payload = this.#pending.subarray(HEADER_SIZE, HEADER_SIZE + length);
      this.#pending = this.#pending.subarray(HEADER_SIZE + length);
      yield decode(type, payload);
    }
  }
}

function decode(number: number, payload: Buffer): GuestFrame {
  const type = (guestFrames as Readonly<Record<number, GuestFrame['type']>>)[number];
  if (type === undefined) throw new Error(`a frame of unknown type ${number}`);
  const length = lengths[type];
  if (length !== undefined && payload.length !== length)
    throw new Error(`a frame ${type} of ${payload.length} bytes instead of ${length}`);
  switch (type) {
    case 'hello':
      return { type, version: payload.readUInt32LE(0), now: payload.readBigUInt64LE(8) };
    case 'begun':
      return { type, now: payload.readBigUInt64LE(0), process: payload.readUInt32LE(8) };
    case 'held':
      return { type };
    case 'credit':
      return { type, bytes: payload.readUInt32LE(0) };
    case 'exit':
      return {
        type,
        status: payload.readUInt32LE(0),
        oomKilled: payload.readUInt32LE(4) === 1,
        now: payload.readBigUInt64LE(8),
      };
    default:
      return { type, bytes: payload };
  }
}

export type HostFrame = keyof typeof hostFrames;

/** @param payload no more bytes than {@link MAX_CHUNK}. */
export function encodeFrame(type: HostFrame, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  header.writeUInt32LE(hostFrames[type], 0);
  header.writeUInt32LE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

export const MAX_CHUNK = 32768;

/**
 * What may not fit into one frame, in as many as it takes: `struct piece` of native/channel.h, and its bytes.
 * @param type `hosts`: what the guest's /etc/hosts is to be. `plan`: what its init is to carry out.
 */
export function encodePieces(type: 'hosts' | 'plan', content: Uint8Array): Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0; start === 0 || start < content.length; start += MAX_CHUNK) {
    const piece = Buffer.alloc(8);
    piece.writeUInt32LE(start, 0);
    piece.writeUInt32LE(content.length, 4);
    const bytes = content.subarray(start, start + MAX_CHUNK);
    frames.push(encodeFrame(type, Buffer.concat([piece, bytes])));
  }
  return frames;
}

/** The most bytes of standard input that a guest has room for: STDIN_ROOM of native/supervise.c. */
export const MAX_CREDIT = 262144;
