/**
 * Text that is to be the bytes that it came from again: arguments of programs are bytes, in whatever
 * encoding. A byte that is no part of UTF-8 is a lone surrogate, U+DC80 to U+DCFF, which UTF-8 cannot
 * have (PEP 383).
 */

import { isUtf8 } from 'node:buffer';

const LEAD = 0xdc00;

export function textOfBytes(bytes: Uint8Array): string {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // Ordinary text, all but always.
  if (isUtf8(whole)) return whole.toString();
  let text = '';
  for (let at = 0; at < whole.length; ) {
    const size = characterAt(whole, at);
    text +=
      size === 0
        ? String.fromCharCode(LEAD + (whole[at] ?? 0))
        : whole.toString('utf8', at, at + size);
    at += Math.max(size, 1);
  }
  return text;
}

/** How many bytes of UTF-8 make the character there; 0 where they make none. */
function characterAt(bytes: Buffer, at: number): number {
  const sizes = [1, 2, 3, 4].filter((size) => at + size <= bytes.length);
  return sizes.find((size) => isUtf8(bytes.subarray(at, at + size))) ?? 0;
}

export function bytesOfText(text: string): Buffer {
  // Ordinary text, all but always.
  if (text.isWellFormed()) return Buffer.from(text);
  const pieces = Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    const isByte = character.length === 1 && code >= LEAD + 0x80 && code <= LEAD + 0xff;
    return isByte ? Buffer.of(code - LEAD) : Buffer.from(character);
  });
  return Buffer.concat(pieces);
}
