/** What the host does with the frames of a guest that sends them in any order, as often as it likes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { CHANNEL_VERSION, MAX_CREDIT } from '../../src/vm/channel.ts';
import { readHeader } from './header.ts';

const numbers = readHeader('channel.h').numbersOf('frame_type');

function frame(type: string, payload: Uint8Array): Buffer {
  const start = Buffer.alloc(8);
  start.writeUInt32LE(Number(numbers[`FRAME_${type}`]), 0);
  start.writeUInt32LE(payload.length, 4);
  return Buffer.concat([start, payload]);
}
const words = (...list: number[]) => new Uint8Array(Uint32Array.from(list).buffer);

const hello = frame('HELLO', words(CHANNEL_VERSION, 0, 1, 0));
const out = (what: string) => frame('STDOUT', Buffer.from(what));
const err = (what: string) => frame('STDERR', Buffer.from(what));
const booted = frame('DONE', Buffer.from('booted'));
const done = frame('DONE', Buffer.from('done'));
const begun = frame('BEGUN', words(1, 0, 77, 0));
const report = frame('REPORT', Buffer.from('report'));
const exit = frame('EXIT', words(7 << 8, 0, 1, 0));
const credit = (bytes: number) => frame('CREDIT', words(bytes));

/** A session, and the guest's end of its channel. */
function start(input: Uint8Array, ...words: readonly string[]) {
  const script = new URL('session-process.ts', import.meta.url).pathname;
  const flags = ['--experimental-strip-types', '--no-warnings'];
  const stdio = ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] as const;
  const child = spawn(process.execPath, [...flags, script, ...words], { stdio: [...stdio] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [stdin, stdout, stderr, channel, result] = child.stdio as unknown as Duplex[];
  if (!stdin || !stdout || !stderr || !channel || !result) throw new Error('no streams');
  for (const each of [stdin, channel]) each.on('error', () => undefined);
  stdin.write(input);
  return { stdin, stdout, stderr, channel, result };
}

/** Bytes of the frame with the plan that session-process.ts sends: a header, a piece, and its word. */
const PLAN = 8 + 8 + 4;

/** Says that the guest is up, and waits for the plan. */
async function rise(channel: Duplex): Promise<void> {
  channel.write(Buffer.concat([hello, booted]));
  let received = 0;
  while (received < PLAN) {
    await once(channel, 'readable');
    received += (channel.read(Math.min(PLAN - received, channel.readableLength)) as Buffer).length;
  }
}

/** What the guest's frames lead to, when the caller's standard input stays open. */
async function outcomeOf(frames: readonly Buffer[], before: 'up' | 'nothing' = 'up') {
  const { stdout, stderr, channel, result } = start(new Uint8Array());
  if (before === 'up') await rise(channel);
  for (const each of frames) channel.write(each);
  const [end, printed, errors] = await Promise.all([text(result), text(stdout), text(stderr)]);
  return { ...JSON.parse(end), printed, errors };
}

test('an ordinary session: streams apart, exit status and report', async () => {
  const frames = [begun, out('one '), err('other'), out('two'), report, exit];
  expect(await outcomeOf(frames)).toEqual({
    ...{ up: 'booted', progress: 'begun', kind: 'ended', status: 7 << 8, report: 'report' },
    ...{ printed: 'one two', errors: 'other' },
  });
});

test('a plan that comes to its end without a workload is reported on, and another may follow', async () => {
  const { channel, result } = start(new Uint8Array());
  await rise(channel);
  channel.write(done);
  channel.end();
  expect(JSON.parse(await text(result))).toMatchObject({ progress: 'done', kind: 'broken' });
});

test.each([
  ['output', [out('early'), hello], 'a frame stdout after nothing'],
  ['exit', [exit, hello], 'a frame exit after nothing'],
  ['credit', [credit(1), hello], 'a frame credit after nothing'],
  ['done', [done], 'a frame done after nothing'],
  ['held', [hello, booted, frame('HELD', new Uint8Array())], 'a frame held after waiting'],
  ['hello twice', [hello, hello], 'a frame hello after hello'],
  ['begun', [hello, booted, begun], 'a frame begun after waiting'],
  ['another version', [frame('HELLO', words(CHANNEL_VERSION + 1, 0, 1, 0))], 'version 3'],
])('%s before the guest is up ends the session, and nothing is printed', async (_, frames, why) => {
  const outcome = await outcomeOf([...frames, out('late')], 'nothing');
  expect(outcome).toMatchObject({ kind: 'broken', printed: '', errors: '' });
  expect(outcome.why).toContain(why);
});

test.each([
  ['output before begun', [out('early')], 'a frame stdout after working'],
  ['exit before begun', [exit], 'a frame exit after working'],
  ['the last report before begun', [report], 'a frame report after working'],
  ['done, while the workload runs', [begun, done], 'a frame done after begun'],
  ['exit without a report', [begun, exit], 'a frame exit after begun'],
  ['hello again', [begun, hello], 'a frame hello after begun'],
  ['more credit than it has room for', [begun, credit(MAX_CREDIT + 1)], 'credit for 262145 bytes'],
  ['too much of it in two frames', [begun, credit(MAX_CREDIT), credit(1)], 'credit for 262145'],
])('%s ends the session, and nothing is printed', async (_, frames, why) => {
  const outcome = await outcomeOf([...frames, out('late')]);
  expect(outcome).toMatchObject({ kind: 'broken', printed: '', errors: '' });
  expect(outcome.why).toContain(why);
});

test('what comes after exit is not printed', async () => {
  const outcome = await outcomeOf([begun, out('in time'), report, exit, out('late'), exit]);
  expect(outcome).toMatchObject({ kind: 'ended', status: 7 << 8, printed: 'in time' });
});

test('standard input comes as the guest allows it, and no byte more', async () => {
  const input = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
  const { stdin, channel, result } = start(input);
  let received = Buffer.alloc(0);
  let ended = false;
  const take = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
  };
  /** The payloads of all whole frames so far; `ended` once the end of the input is among them. */
  const payloads = (): Buffer => {
    const parts: Buffer[] = [];
    for (let at = 0; at + 8 <= received.length; ) {
      const length = received.readUInt32LE(at + 4);
      if (received.readUInt32LE(at) === Number(numbers.FRAME_EOF)) ended = true;
      parts.push(received.subarray(at + 8, at + 8 + length));
      at += 8 + length;
    }
    return Buffer.concat(parts);
  };
  await rise(channel);
  channel.on('data', take);
  channel.write(begun);
  for (const allowed of [0, 1, 40_000, 90_000]) {
    const more = allowed - payloads().length;
    channel.write(credit(more));
    await expect.poll(() => payloads().length, { timeout: 20_000 }).toBe(allowed);
    await new Promise((settle) => setTimeout(settle, 50));
    expect(payloads().length).toBe(allowed);
  }
  channel.write(credit(MAX_CREDIT));
  stdin.end();
  await expect.poll(() => payloads().length).toBe(input.length);
  await expect.poll(() => payloads() && ended).toBe(true);
  expect(payloads().equals(input)).toBe(true);
  channel.write(Buffer.concat([report, exit]));
  expect(JSON.parse(await text(result))).toMatchObject({ kind: 'ended' });
});

test('a guest that reads nothing for a while is sent the first and the last change of its /etc/hosts', async () => {
  const { channel, result } = start(new Uint8Array(), '20');
  await rise(channel);
  channel.write(begun);
  const files: number[] = [];
  let received = Buffer.alloc(0);
  channel.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 8 && received.length >= 8 + received.readUInt32LE(4)) {
      const piece = received.subarray(8, 8 + received.readUInt32LE(4));
      if (piece.readUInt32LE(0) + piece.length - 8 === piece.readUInt32LE(4))
        files.push(piece.at(-1) ?? 0);
      received = received.subarray(8 + piece.length);
    }
  });
  await expect.poll(() => files, { timeout: 20_000 }).toEqual([1, 20]);
  channel.write(Buffer.concat([report, exit]));
  expect(JSON.parse(await text(result))).toMatchObject({ kind: 'ended' });
});
