import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfText, textOfBytes } from '../../src/spec/byte-text.ts';

test.each([
  ['plain é € 😀', 'plain é € 😀'],
  [[0xe9], '\udce9'],
  [[0xe2, 0x82, 0x20], '\udce2\udc82 '],
  [[0xf0, 0x9f, 0x98, 0x80, 0x80], '😀\udc80'],
  // A surrogate as UTF-8 would be, which it forbids.
  [[0xed, 0xb3, 0xa9], '\udced\udcb3\udca9'],
])('%j', (bytes, text) => {
  expect(textOfBytes(Buffer.from(bytes as string))).toBe(text);
});

test('any bytes come back, and any text', () => {
  const pieces = fc.oneof(
    fc.uint8Array(),
    fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(pieces), (list) => {
      const bytes = Buffer.concat(list);
      expect(bytesOfText(textOfBytes(bytes))).toEqual(bytes);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(textOfBytes(Buffer.from(text))).toBe(text);
      expect(bytesOfText(text)).toEqual(Buffer.from(text));
    }),
  );
});
