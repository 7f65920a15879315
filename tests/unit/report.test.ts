/** A report comes out of a guest, too: whatever its bytes are, reading it does no harm. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeReport, reportSize } from '../../src/plan/report.ts';
import { failureOf } from '../../src/sandbox/step-failure.ts';
import { stepPhases } from '../../src/sandbox/timeline.ts';
import { anySteps } from './any-steps.ts';

/** A report that says it is one; everything else is the words that are given, and the reason. */
function report(words: readonly number[], reason = ''): Uint8Array {
  const text = Buffer.alloc(256);
  text.write(reason, 'latin1');
  const reasons = Array.from({ length: 64 }, (_, index) => text.readUInt32LE(index * 4));
  return new Uint8Array(
    Uint32Array.from([0x50525354, ...words.slice(0, 5), ...reasons, ...words.slice(5)]).buffer,
  );
}

test('a report is read', () => {
  const words = [1, 7, 13, 5, 1, 9, 0, 0xfffffff3, 0xffffffff];
  expect(decodeReport(report(words))).toEqual({
    state: 'failed',
    step: 7,
    error: 13,
    reason: '',
    started: 0x100000005n,
    ended: 9n,
    entries: [{ end: 9n, result: -13n }],
  });
});

test.each([
  ['nothing', new Uint8Array()],
  ['zeros', new Uint8Array(reportSize(2))],
  ['less than a header', report([0, 0, 0, 0, 0]).subarray(0, reportSize(0) - 1)],
  ['an unknown state', report([4, 0, 0, 0, 0])],
  ['a negative state', report([0xffffffff, 0, 0, 0, 0])],
])('%s is no report', (_, bytes) => {
  expect(decodeReport(bytes)).toBeUndefined();
});

const word = fc.oneof(fc.nat(5), fc.nat(0xffffffff), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
const likely = fc
  .tuple(fc.nat(3), fc.array(word, { minLength: 4, maxLength: 60 }), fc.nat(3))
  .map(([state, words, cut]) =>
    report([state, ...words]).subarray(0, 276 + words.length * 4 - cut),
  );

test.each([
  ["e tmpfs: Unknown parameter 'x'\n", "tmpfs: Unknown parameter 'x'"],
  ['w one\ne two\ni three', 'one\ntwo\nthree'],
  ['e \x1b[31mred\x7f\xff\n', '?[31mred??'],
  ['even so', 'even so'],
  ['e'.repeat(300), 'e'.repeat(256)],
])('the kernel’s reason %j is read as %j', (written, read) => {
  expect(decodeReport(report([1, 0, 22, 0, 0], written))?.reason).toBe(read);
});

test('arbitrary bytes are a report of as many steps as they hold, or none', () => {
  fc.assert(
    fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 400 })), (bytes) => {
      const read = decodeReport(bytes);
      const entries = Math.floor((bytes.length - reportSize(0)) / (reportSize(1) - reportSize(0)));
      expect([undefined, entries]).toContain(read?.entries.length);
    }),
  );
});

test('a report is read from where it lies in a larger buffer', () => {
  fc.assert(
    fc.property(likely, fc.nat(9), (bytes, shift) => {
      const larger = new Uint8Array(shift + bytes.length + 64).fill(1);
      larger.set(bytes, shift);
      const inside = larger.subarray(shift, shift + bytes.length);
      expect(decodeReport(inside)).toEqual(decodeReport(bytes));
    }),
  );
});

test('whatever a report says, it becomes a sentence and phases', () => {
  fc.assert(
    fc.property(likely, anySteps, (bytes, steps) => {
      const read = decodeReport(bytes);
      const failure = failureOf(steps, read);
      expect(failure === undefined).toBe(read?.state === 'running');
      if (failure !== undefined) expect(failure.message).toMatch(/^[^\n]/);
      if (read !== undefined) stepPhases(steps, read);
    }),
  );
});
