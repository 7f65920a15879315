/**
 * In a user namespace of one id the kernel refuses setgroups(2) (user_namespaces(7)), and virtiofsd
 * does not go on without: for it the call does nothing and succeeds. The groups that stay are the
 * caller's own, whose rights the program has anyway.
 */
import { callOffsets, encodeFilter, filterCodes } from '../abi/classic-bpf.ts';
import { architecturesOf, seccompActions } from '../abi/seccomp.ts';
import { type Arch, syscallNumbers } from '../abi/syscalls.ts';
import { installFilter } from './seccomp-calls.ts';
import { type Step, step } from './step.ts';

const { LOAD_WORD, JUMP_EQUAL, RETURN } = filterCodes;
const { NUMBER, ARCHITECTURE } = callOffsets;

export function keepGroups(arch: Arch): Step {
  const [architecture = 0] = architecturesOf[arch].values();
  const program = encodeFilter([
    [LOAD_WORD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 0, 3, architecture],
    [LOAD_WORD, 0, 0, NUMBER],
    [JUMP_EQUAL, 0, 1, syscallNumbers[arch].setgroups],
    // With error number 0, which is none.
    [RETURN, 0, 0, seccompActions.SCMP_ACT_ERRNO],
    [RETURN, 0, 0, seccompActions.SCMP_ACT_ALLOW],
  ]);
  return step(
    installFilter(program, [], 'setgroups does nothing'),
    "the caller's groups cannot be given up here, and virtiofsd insists on trying",
  );
}
