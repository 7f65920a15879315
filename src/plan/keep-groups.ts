/**
 * In a user namespace of one id the kernel refuses setgroups(2) (user_namespaces(7)), and virtiofsd
 * does not go on without: for it the call does nothing and succeeds. The groups that stay are the
 * caller's own, whose rights the program has anyway.
 */
import { architecturesOf, seccompActions } from '../abi/seccomp.ts';
import { type Arch, syscallNumbers } from '../abi/syscalls.ts';
import { installFilter } from './calls.ts';
import { type Step, step } from './step.ts';

/** linux/bpf_common.h, and the offsets in `struct seccomp_data`. */
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const NUMBER = 0;
const ARCHITECTURE = 4;

export function keepGroups(arch: Arch): Step {
  const [architecture = 0] = architecturesOf[arch].values();
  // Each: code, jump if true, jump if false, k.
  const program = [
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_IF_EQUAL, 0, 3, architecture],
    [LOAD_WORD, 0, 0, NUMBER],
    [JUMP_IF_EQUAL, 0, 1, syscallNumbers[arch].setgroups],
    // With error number 0, which is none.
    [RETURN, 0, 0, seccompActions.SCMP_ACT_ERRNO],
    [RETURN, 0, 0, seccompActions.SCMP_ACT_ALLOW],
  ] as const;
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, jumpTrue, jumpFalse, k], index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jumpTrue);
    view.setUint8(index * 8 + 3, jumpFalse);
    view.setUint32(index * 8 + 4, k, true);
  });
  return step(
    installFilter(bytes, [], 'setgroups does nothing'),
    "the caller's groups cannot be given up here, and virtiofsd insists on trying",
  );
}
