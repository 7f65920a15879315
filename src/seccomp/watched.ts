/**
 * Filters with a listener (seccomp_unotify(2)). tsbox's own decides nothing: what a profile denies stays
 * denied, by the kernel or, where its answer is asked for, by the same instructions in verdict.ts. For KILL
 * and TRAP the listener sends what the kernel would; TRACE has no tracer.
 * Arguments are those in registers, as the kernel took them down: memory is not looked at, and could
 * change before the call is made.
 */
import { callOffsets, encodeFilter, filterCodes } from '../abi/classic-bpf.ts';
import { seccompActions } from '../abi/seccomp.ts';
import { syscallNumbers } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import { actionOf } from './verdict.ts';

const actions = seccompActions;
const { LOAD_WORD, JUMP_EQUAL, RETURN } = filterCodes;
/** The same on each architecture. */
const HOLD = syscallNumbers.x64.hold;

/** The same filter, which lets its first process be held. */
export function withHold(program: Uint8Array): Uint8Array {
  const holding = encodeFilter([
    [LOAD_WORD, 0, 0, callOffsets.NUMBER],
    [JUMP_EQUAL, 0, 1, HOLD],
    [RETURN, 0, 0, actions.SCMP_ACT_NOTIFY],
  ]);
  return Buffer.concat([holding, program]);
}

const denials = [
  actions.SCMP_ACT_ERRNO,
  actions.SCMP_ACT_TRACE,
  actions.SCMP_ACT_KILL_PROCESS,
  actions.SCMP_ACT_KILL_THREAD,
];
const asked: Readonly<Record<NonNullable<Box['watch']>, readonly number[]>> = {
  denied: denials,
  all: [...denials, actions.SCMP_ACT_ALLOW, actions.SCMP_ACT_LOG],
};

/**
 * The same filter, which asks its listener where it would deny a call, or let one pass.
 * @param killable whether threads wait killably: else SIGSYS would come before the answer or too late,
 *   and TRAP is left to the kernel.
 */
export function asking(
  program: Uint8Array,
  watch: NonNullable<Box['watch']>,
  killable: boolean,
): Uint8Array {
  const copy = Buffer.from(program);
  const wanted = [...asked[watch], ...(killable ? [actions.SCMP_ACT_TRAP] : [])];
  for (let at = 0; at < copy.length; at += 8)
    if (copy.readUInt16LE(at) === RETURN && wanted.includes(actionOf(copy.readUInt32LE(at + 4))))
      copy.writeUInt32LE(actions.SCMP_ACT_NOTIFY, at + 4);
  return withHold(copy);
}

/** The filter that stands for none. */
export function allowing(): Uint8Array {
  return encodeFilter([[RETURN, 0, 0, actions.SCMP_ACT_ALLOW]]);
}
