import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DetachKeys, parseDetachKeys } from '../../src/terminal/detach-keys.ts';

test.each([
  ['ctrl-p,ctrl-q', [0x10, 0x11]],
  ['ctrl-a,d', [0x01, 0x64]],
  ['ctrl-[', [0x1b]],
  ['ctrl-@,ctrl-_,ctrl-\\,ctrl-],ctrl-^', [0, 0x1f, 0x1c, 0x1d, 0x1e]],
  ['Z', [0x5a]],
  ['', []],
])('--detach-keys %s', (word, keys) => {
  expect([...parseDetachKeys(word)]).toEqual(keys);
});

test.each(['ctrl-1', 'ctrl-', 'ctrl-pp', 'ab', 'a,,b', 'Ctrl-a', 'ä', 'a,'])(
  '--detach-keys %s is refused',
  (word) => {
    expect(() => parseDetachKeys(word)).toThrow(`--detach-keys ${word}: `);
  },
);

/** Few different bytes, so that the keys come up, and almost come up, often. */
const byte = fc.integer({ min: 0, max: 2 });

test('what is typed is the box’s up to the keys, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(
      fc.array(byte, { minLength: 1, maxLength: 4 }),
      fc.array(fc.array(byte, { maxLength: 6 }), { maxLength: 6 }),
      (keys, pieces) => {
        const detach = new DetachKeys(Uint8Array.from(keys));
        const given: number[] = [];
        let detached = false;
        for (const piece of pieces) {
          const typed = detach.take(Uint8Array.from(piece));
          given.push(...typed.bytes);
          detached = typed.detached;
          if (detached) break;
        }
        const text = (bytes: readonly number[]) => bytes.join('');
        const all = text(pieces.flat());
        const at = all.indexOf(text(keys));
        expect(detached).toBe(at >= 0);
        if (at >= 0) expect(text(given)).toBe(all.slice(0, at));
        // What is held back could still become the keys.
        else {
          expect(all.startsWith(text(given))).toBe(true);
          expect(text(keys).startsWith(all.slice(given.length))).toBe(true);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
