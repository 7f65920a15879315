/**
 * What libseccomp cannot be told, as instructions that come before its own (bpf(4) is BSD's manual of
 * them, linux/filter.h has the numbers; what a filter sees is `struct seccomp_data`, seccomp(2)):
 *
 * - calls that are newer than the library, by their numbers;
 * - for tsbox's own profile, that a call which it does not know is answered as by a kernel without it;
 * - that socketcall(2) of 32-bit programs makes no socket where the families of socket(2) are limited:
 *   the library lets it make every one, as the family is in memory there.
 */
import {
  callOffsets,
  encodeFilter,
  type FilterInstruction,
  filterCodes,
} from '../abi/classic-bpf.ts';
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

const { LOAD_WORD, JUMP, JUMP_EQUAL, JUMP_GREATER, JUMP_GREATER_OR_EQUAL, RETURN } = filterCodes;
const { NUMBER, ARCHITECTURE, FIRST_ARGUMENT } = callOffsets;

/** The prologue's instructions; what it does not answer goes on to those behind it. */
export function prologue({ newer, unknown, socketcall }: Prologue): Uint8Array {
  const answers: FilterInstruction[] = [
    ...(unknown === undefined ? [] : above(LAST_KNOWN, unknown)),
    ...[...newer].flatMap(([number, answer]) => equal(number, answer)),
  ];
  const guarded: FilterInstruction[] =
    answers.length === 0
      ? []
      : [
          [LOAD_WORD, 0, 0, NUMBER],
          [JUMP_GREATER, 1, 0, LAST_ORDINARY],
          [JUMP_GREATER_OR_EQUAL, 1, 0, FIRST_NEWER],
          [JUMP, 0, 0, answers.length],
          ...answers,
        ];
  return encodeFilter([...guarded, ...(socketcall === undefined ? [] : noSocketcall(socketcall))]);
}

function above(number: number, answer: number): FilterInstruction[] {
  return [
    [JUMP_GREATER, 0, 1, number],
    [RETURN, 0, 0, answer],
  ];
}

function equal(number: number, answer: number): FilterInstruction[] {
  return [
    [JUMP_EQUAL, 0, 1, number],
    [RETURN, 0, 0, answer],
  ];
}

/** SYS_SOCKET of linux/net.h; the kernel looks at 32 bits, and a 32-bit program has no more. */
function noSocketcall(answer: number): FilterInstruction[] {
  const SOCKETCALL = 102;
  const SYS_SOCKET = 1;
  return [
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 0, 5, AUDIT_ARCH_I386],
    [LOAD_WORD, 0, 0, NUMBER],
    [JUMP_EQUAL, 0, 3, SOCKETCALL],
    [LOAD_WORD, 0, 0, FIRST_ARGUMENT],
    ...equal(SYS_SOCKET, answer),
  ];
}
