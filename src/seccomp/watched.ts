/**
 * Filters with a listener (seccomp_unotify(2)). Whoever listens decides nothing: what a profile denies
 * stays denied, by the kernel or, where its answer is asked for, by the same instructions in verdict.ts.
 * Arguments are those in registers, as the kernel took them down: memory is not looked at.
 */
import { seccompActions } from '../abi/seccomp.ts';
import { syscallNumbers } from '../abi/syscalls.ts';

const { SCMP_ACT_ERRNO, SCMP_ACT_NOTIFY } = seccompActions;
const RETURN = 0x06;
const ACTION = 0xffff0000;

/** The same on each architecture. */
const HOLD = syscallNumbers.x64.hold;

/** `struct sock_filter`: the number of the call is loaded; it is `hold`; it is answered by the listener. */
const holding = Buffer.from(
  BigUint64Array.of(
    0x20n,
    (BigInt(HOLD) << 32n) | (1n << 24n) | 0x15n,
    (BigInt(SCMP_ACT_NOTIFY) << 32n) | BigInt(RETURN),
  ).buffer,
);

/** The same filter, which lets its first process be held. */
export function withHold(program: Uint8Array): Uint8Array {
  return Buffer.concat([holding, program]);
}

/** The same filter, which asks its listener where it would answer with an error. */
export function asking(program: Uint8Array): Uint8Array {
  const copy = Buffer.from(program);
  for (let at = 0; at < copy.length; at += 8)
    if (copy.readUInt16LE(at) === RETURN && (copy.readUInt32LE(at + 4) & ACTION) === SCMP_ACT_ERRNO)
      copy.writeUInt32LE(SCMP_ACT_NOTIFY, at + 4);
  return withHold(copy);
}

/** A filter that tells its listener of every call. */
export function askingAlways(): Uint8Array {
  const program = Buffer.alloc(8);
  program.writeUInt16LE(RETURN, 0);
  program.writeUInt32LE(SCMP_ACT_NOTIFY, 4);
  return program;
}
