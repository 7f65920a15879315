/**
 * A wall beside the namespaces, landlock(7): where a descriptor or a kernel fault leads out of one,
 * the box still can neither trace a process outside nor enter what /proc shows of it (root, cwd, exe,
 * fd, mem: CVE-2024-21626), nor signal it, nor connect to its abstract sockets (CVE-2020-15257).
 * Nothing else is restricted: a ruleset about files would forbid mount(2) even to a box that may.
 */
import { landlockCreateRuleset, landlockRestrictSelf } from './process-calls.ts';
import { type Step, step } from './step.ts';

/** While CAP_SYS_ADMIN is held, without which no_new_privs would have to be set. */
export function wallIn(): Step[] {
  return [
    step(
      landlockCreateRuleset(['LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET', 'LANDLOCK_SCOPE_SIGNAL']),
      'a second wall beside the namespaces, where the kernel has it',
      // Not built in, not enabled, older than Linux 6.12, or refused by a filter around tsbox.
      { into: 'landlock', accept: ['ENOSYS', 'ENOTSUP', 'E2BIG', 'EPERM'] },
    ),
    step(
      landlockRestrictSelf('landlock'),
      'no process outside the box can be traced, signalled or reached by an abstract socket',
      // Sixteen such walls around tsbox already.
      { accept: ['E2BIG'] },
    ),
  ];
}
