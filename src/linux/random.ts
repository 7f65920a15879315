/** Random numbers from the kernel: getrandom(2). Node's crypto module takes 4 ms to load. */
import { syscall } from './native.ts';

/** @returns two hexadecimal digits for each byte; at most 256 bytes. */
export function randomHex(bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  syscall('getrandom', buffer, bytes, 0);
  return buffer.toString('hex');
}
