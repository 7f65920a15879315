/** 64-bit words of the kernel's, in numbers. */

/**
 * The two 32-bit halves of a word, the low one first.
 * @param value a safe integer, or a bigint of up to 64 bits; negative ones in two's complement.
 */
export function halves(value: number | bigint): readonly [low: number, high: number] {
  return typeof value === 'bigint'
    ? [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)]
    : [value >>> 0, Math.floor(value / 2 ** 32)];
}
