/** The OCI runtime specification's `linux.seccomp` (config-linux.md, "Seccomp"). */
import type {
  SeccompArchitecture,
  seccompActions,
  seccompFilterFlags,
  seccompOperators,
} from '../abi/seccomp.ts';

export type SeccompAction = keyof typeof seccompActions;
export type SeccompOperator = keyof typeof seccompOperators;
/** A listener is made where one is needed, and not by a word of the profile. */
export type SeccompFlag = Exclude<
  keyof typeof seccompFilterFlags,
  'SECCOMP_FILTER_FLAG_NEW_LISTENER'
>;

export interface Seccomp {
  /** For a call that no rule speaks of. */
  readonly defaultAction: SeccompAction;
  /** errno of ERRNO, or the message of TRACE; EPERM if absent. */
  readonly defaultErrnoRet?: number;
  /** Beside the machine's own, which is always there. */
  readonly architectures?: readonly SeccompArchitecture[];
  readonly flags?: readonly SeccompFlag[];
  /** Socket of the agent that answers SCMP_ACT_NOTIFY, and what it is told beside. */
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  /** All must hold; several about one argument are alternatives, each a rule of its own. */
  readonly args?: readonly SeccompArgument[];
}

export interface SeccompArgument {
  /** 0 to 5 */
  readonly index: number;
  /** 64 bits; for SCMP_CMP_MASKED_EQ the mask. */
  readonly value: number | bigint;
  /** What is left under the mask. */
  readonly valueTwo?: number | bigint;
  readonly op: SeccompOperator;
}
