/** The host's end of the guest channel, against a guest that sends what it likes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CHANNEL_VERSION,
  encodeFrame,
  encodePieces,
  FrameReader,
  type GuestFrame,
  type HostFrame,
  MAX_CHUNK,
} from '../../src/vm/channel.ts';
import { fuzzing } from '../fuzz/settings.ts';
import { readHeader } from './header.ts';

const header = readHeader('channel.h');
const MAX_PAYLOAD = header.defined('CHANNEL_MAX_PAYLOAD');
const HEADER_SIZE = header.sizeOf('frame_header');
const comments = header.commentsOf('frame_type');
const sentBy = (who: 'guest' | 'host') =>
  Object.entries(header.numbersOf('frame_type'))
    .filter(([name]) => comments[name]?.startsWith(`${who}:`))
    .map(([name, number]): [string, number] => [name.replace('FRAME_', '').toLowerCase(), number]);
const types = Object.fromEntries(sentBy('guest'));
const { hello, stdout, stderr, credit, report, exit, begun, done, held } = types as Record<
  GuestFrame['type'],
  number
>;

function frame(type: number, payload: Uint8Array, length = payload.length): Buffer {
  const start = Buffer.alloc(HEADER_SIZE);
  start.writeUInt32LE(type, 0);
  start.writeUInt32LE(length, 4);
  return Buffer.concat([start, payload]);
}
const words = (...list: number[]) => new Uint8Array(Uint32Array.from(list).buffer);

/** The frames that are read from the pieces, and what the reader threw, if it did. */
function read(...pieces: Buffer[]): { frames: GuestFrame[]; error: string | undefined } {
  const reader = new FrameReader();
  const frames: GuestFrame[] = [];
  try {
    for (const piece of pieces) for (const each of reader.take(piece)) frames.push(each);
    return { frames, error: undefined };
  } catch (error) {
    return { frames, error: (error as Error).message };
  }
}

test('the header and the tables name the same frames', () => {
  expect(types).toEqual({ hello, stdout, stderr, credit, report, exit, begun, done, held });
  expect(sentBy('guest').length + sentBy('host').length).toBe(Object.keys(comments).length);
  expect(header.defined('CHANNEL_VERSION')).toBe(CHANNEL_VERSION);
  expect(MAX_CHUNK).toBeLessThanOrEqual(MAX_PAYLOAD);
});

const fixed: Record<string, number> = {
  hello: header.sizeOf('hello'),
  credit: 4,
  exit: header.sizeOf('ended'),
  begun: header.sizeOf('begun'),
  held: 0,
};
test.each(sentBy('guest'))('a guest’s frame %s is number %d', (type, number) => {
  expect(read(frame(number, new Uint8Array(fixed[type] ?? 3))).frames).toMatchObject([{ type }]);
});

test.each(sentBy('host'))('a host’s frame %s is number %d', (type, number) => {
  const payload = Buffer.from('payload');
  expect(encodeFrame(type as HostFrame, payload)).toEqual(frame(number, payload));
  expect(encodeFrame(type as HostFrame)).toEqual(frame(number, new Uint8Array()));
});

test.each([0, 1, MAX_CHUNK, MAX_CHUNK + 1, 5 * MAX_CHUNK])(
  '%d bytes of /etc/hosts come in pieces, of which only the last is at its end',
  (size) => {
    const text = Buffer.from(Array.from({ length: size }, (_, index) => index % 251));
    const pieces: Buffer[] = [];
    for (let rest = Buffer.concat(encodePieces('hosts', text)); rest.length > 0; ) {
      const end = HEADER_SIZE + rest.readUInt32LE(4);
      const bytes = rest.subarray(HEADER_SIZE + header.sizeOf('piece'), end);
      const before = Buffer.concat(pieces).length;
      expect(rest.readUInt32LE(HEADER_SIZE)).toBe(before);
      expect(rest.readUInt32LE(HEADER_SIZE + 4)).toBe(size);
      expect(before + bytes.length === size).toBe(end === rest.length);
      pieces.push(bytes);
      rest = rest.subarray(end);
    }
    expect(Buffer.concat(pieces).equals(text)).toBe(true);
    expect(pieces).not.toEqual([]);
  },
);

test.each<[Buffer, GuestFrame]>([
  [frame(hello, words(1, 0, 5, 1)), { type: 'hello', version: 1, now: 0x100000005n }],
  [frame(stdout, Buffer.from('out')), { type: 'stdout', bytes: Buffer.from('out') }],
  [frame(stderr, Buffer.alloc(0)), { type: 'stderr', bytes: Buffer.alloc(0) }],
  [frame(credit, words(2 ** 32 - 1)), { type: 'credit', bytes: 2 ** 32 - 1 }],
  [frame(exit, words(256, 0, 7, 0)), { type: 'exit', status: 256, oomKilled: false, now: 7n }],
  [frame(exit, words(9, 1, 0, 1)), { type: 'exit', status: 9, oomKilled: true, now: 2n ** 32n }],
  [
    frame(report, Buffer.alloc(MAX_PAYLOAD, 7)),
    { type: 'report', bytes: Buffer.alloc(MAX_PAYLOAD, 7) },
  ],
])('a frame is read: %#', (bytes, expected) => {
  expect(read(bytes)).toEqual({ frames: [expected], error: undefined });
});

test.each([
  ['a frame of unknown type 0', frame(0, Buffer.alloc(0))],
  ['a frame of unknown type 16', frame(16, Buffer.alloc(0))],
  ['a frame of unknown type 4294967295', frame(2 ** 32 - 1, Buffer.alloc(0))],
  ['a frame of 65537 bytes', frame(stdout, Buffer.alloc(0), MAX_PAYLOAD + 1)],
  ['a frame of 4294967295 bytes', frame(stdout, Buffer.alloc(0), 2 ** 32 - 1)],
  ['a frame hello of 15 bytes instead of 16', frame(hello, Buffer.alloc(15))],
  ['a frame exit of 17 bytes instead of 16', frame(exit, Buffer.alloc(17))],
  ['a frame credit of 0 bytes instead of 4', frame(credit, Buffer.alloc(0))],
])('refused: %s', (error, bytes) => {
  const good = frame(stdout, Buffer.from('before'));
  expect(read(Buffer.concat([good, bytes, good]))).toEqual({ ...read(good), error });
});

const number = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Object.values(types)) },
  fc.constantFrom(0, 7, 16, 2 ** 31, 2 ** 32 - 1),
);
const hostileFrame = fc
  .tuple(
    number,
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(new Uint8Array(4), words(1, 0, 0, 0)),
    ),
    fc.option(fc.constantFrom(0, 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 ** 31, 2 ** 32 - 1), {
      freq: 8,
      nil: undefined,
    }),
  )
  .map(([type, payload, length]) => frame(type, payload, length));
const bytes = fc
  .array(fc.oneof({ weight: 5, arbitrary: hostileFrame }, fc.uint8Array({ maxLength: 30 })))
  .map((list) => Buffer.concat(list));
const cuts = fc.array(fc.nat(300), { maxLength: 20 });

function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places].sort((a, b) => a - b);
  return [...ends, whole.length].map((end, index) => whole.subarray(ends[index - 1] ?? 0, end));
}

test('how the bytes are cut into pieces never changes what is read', () => {
  fc.assert(
    fc.property(bytes, cuts, (whole, places) => {
      expect(read(...cut(whole, places))).toEqual(read(whole));
    }),
    fuzzing({ numRuns: 1000 }),
  );
});

test('every frame is what lies between its bounds, and only what is incomplete is left', () => {
  fc.assert(
    fc.property(bytes, (whole) => {
      const { frames, error } = read(whole);
      let rest = whole;
      for (const each of frames) {
        const end = HEADER_SIZE + rest.readUInt32LE(4);
        expect(end).toBeLessThanOrEqual(Math.min(rest.length, HEADER_SIZE + MAX_PAYLOAD));
        expect(rest.readUInt32LE(0)).toBe(types[each.type]);
        const payload = rest.subarray(HEADER_SIZE, end);
        if ('bytes' in each && each.type !== 'credit') expect(each.bytes).toEqual(payload);
        else expect(payload).toHaveLength(fixed[each.type] as number);
        rest = rest.subarray(end);
      }
      const complete =
        rest.length >= HEADER_SIZE && rest.length >= HEADER_SIZE + rest.readUInt32LE(4);
      if (error === undefined) expect(complete).toBe(false);
      else expect(error).toMatch(/^a frame /);
    }),
    fuzzing({ numRuns: 1000 }),
  );
});
