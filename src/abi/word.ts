/** 64-bit words of the kernel's, in halves of 32 bits. A number must be a safe integer. */

/** Bits 0 to 31; negative values are in two's complement. */
export function lowHalf(value: number | bigint): number {
  return typeof value === 'bigint' ? Number(value & 0xffffffffn) : value >>> 0;
}

/** Bits 32 to 63. */
export function highHalf(value: number | bigint): number {
  if (typeof value === 'bigint') return Number((value >> 32n) & 0xffffffffn);
  return value >= 0 && value < 2 ** 32 ? 0 : Math.floor(value / 2 ** 32);
}
