/** Programs of seccomp(2), and those that filter frames: the instructions of classic BPF (linux/bpf_common.h) and what the first see. */

/** Class, size and operation as one code. */
export const filterCodes = {
  LOAD_WORD: 0x20,
  LOAD_HALF: 0x28,
  JUMP: 0x05,
  JUMP_EQUAL: 0x15,
  JUMP_GREATER: 0x25,
  JUMP_GREATER_OR_EQUAL: 0x35,
  JUMP_SET: 0x45,
  AND: 0x54,
  RETURN: 0x06,
} as const;

/** Offsets in `struct seccomp_data`; of the argument, that of its low half on a little-endian machine. */
export const callOffsets = { NUMBER: 0, ARCHITECTURE: 4, FIRST_ARGUMENT: 16 } as const;

/** `struct sock_filter`: code, jt, jf, k. */
export type FilterInstruction = readonly [number, number, number, number];

/** An array of `struct sock_filter`, on a little-endian machine. */
export function encodeFilter(instructions: readonly FilterInstruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  instructions.forEach(([code, jumpTrue, jumpFalse, k], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes[index * 8 + 2] = jumpTrue;
    bytes[index * 8 + 3] = jumpFalse;
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}
