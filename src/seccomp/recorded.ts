/** The smallest profile that allows some calls: what a recording writes. */
import { errnoNumber } from '../abi/errno.ts';
import { architecturesOf } from '../abi/seccomp.ts';
import type { Arch } from '../abi/syscalls.ts';
import type { Seccomp } from '../spec/seccomp.ts';

export interface NamedCall {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly arch: number;
  readonly name: string;
}

/**
 * Calls without a name in it are left out: no profile can name them. execve is always in it, as the
 * filter is there before the workload.
 */
export function recordedProfile(calls: readonly NamedCall[], arch: Arch): Seccomp {
  const used = new Set(calls.map((call) => call.arch));
  const [own] = architecturesOf[arch].keys();
  const architectures = [...architecturesOf[arch]].flatMap(([name, token]) =>
    name === own || used.has(token) ? [name] : [],
  );
  const names = new Set(['execve', ...calls.map(({ name }) => name)]);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: errnoNumber('EPERM'),
    architectures,
    syscalls: [
      {
        names: [...names].filter((name) => !name.startsWith('call ')).toSorted(),
        action: 'SCMP_ACT_ALLOW',
      },
    ],
  };
}
