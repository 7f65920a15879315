/**
 * What libseccomp cannot be told, as instructions that come before its own (bpf(4) is BSD's manual of
 * them, linux/filter.h has the numbers; what a filter sees is `struct seccomp_data`, seccomp(2)):
 *
 * - calls that are newer than the library, by their numbers;
 * - for tsbox's own profile, that a call which it does not know is answered as by a kernel without it;
 * - that socketcall(2) of 32-bit programs makes no socket where the families of socket(2) are limited:
 *   the library lets it make every one, as the family is in memory there.
 */
import { AUDIT_ARCH_I386, newerSyscalls } from '../abi/seccomp.ts';

export interface Prologue {
  /** Answers to calls by number, none below {@link FIRST_NEWER}. */
  readonly newer: ReadonlyMap<number, number>;
  /** To numbers above all that are known; those below 65536, as 32-bit ARM has private ones there. */
  readonly unknown: number | undefined;
  /** To socketcall(SYS_SOCKET). */
  readonly socketcall: number | undefined;
}

const numbers = [...newerSyscalls.values()];
const FIRST_NEWER = Math.min(...numbers);
const LAST_KNOWN = Math.max(...numbers);
const LAST_ORDINARY = 0xffff;

const LOAD = 0x20;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_GREATER_OR_EQUAL = 0x35;
const RETURN = 0x06;
const NUMBER = 0;
const ARCHITECTURE = 4;
/** The low half of the first argument: tsbox knows only little-endian machines. */
const FIRST_ARGUMENT = 16;

/** `struct sock_filter`: code, jt, jf, k. */
type Instruction = readonly [number, number, number, number];

/** The prologue's instructions; what it does not answer goes on to those behind it. */
export function prologue({ newer, unknown, socketcall }: Prologue): Uint8Array {
  const answers: Instruction[] = [
    ...(unknown === undefined ? [] : above(LAST_KNOWN, unknown)),
    ...[...newer].flatMap(([number, answer]) => equal(number, answer)),
  ];
  const guarded: Instruction[] =
    answers.length === 0
      ? []
      : [
          [LOAD, 0, 0, NUMBER],
          [JUMP_GREATER, 1, 0, LAST_ORDINARY],
          [JUMP_GREATER_OR_EQUAL, 1, 0, FIRST_NEWER],
          [JUMP, 0, 0, answers.length],
          ...answers,
        ];
  return encode([...guarded, ...(socketcall === undefined ? [] : noSocketcall(socketcall))]);
}

function above(number: number, answer: number): Instruction[] {
  return [
    [JUMP_GREATER, 0, 1, number],
    [RETURN, 0, 0, answer],
  ];
}

function equal(number: number, answer: number): Instruction[] {
  return [
    [JUMP_EQUAL, 0, 1, number],
    [RETURN, 0, 0, answer],
  ];
}

/** SYS_SOCKET of linux/net.h; the kernel looks at 32 bits, and a 32-bit program has no more. */
function noSocketcall(answer: number): Instruction[] {
  const SOCKETCALL = 102;
  const SYS_SOCKET = 1;
  return [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 0, 5, AUDIT_ARCH_I386],
    [LOAD, 0, 0, NUMBER],
    [JUMP_EQUAL, 0, 3, SOCKETCALL],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    ...equal(SYS_SOCKET, answer),
  ];
}

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  instructions.forEach(([code, jt, jf, k], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes[index * 8 + 2] = jt;
    bytes[index * 8 + 3] = jf;
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}
