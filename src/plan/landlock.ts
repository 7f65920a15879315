/**
 * A wall beside the namespaces, landlock(7): where a descriptor or a kernel fault leads out of one,
 * the box still can neither trace a process outside nor enter what /proc shows of it (root, cwd, exe,
 * fd, mem: CVE-2024-21626), nor signal it, nor connect to its abstract sockets (CVE-2020-15257).
 * Nothing else is restricted: a ruleset about files would forbid mount(2) even to a box that may.
 *
 * A box that shares a PID namespace (`--pid`) may signal its processes, which is what that is for; and
 * trace them only where CAP_SYS_PTRACE was asked for: what it sees of them in /proc leads into their
 * files, and the same ids would be enough for it.
 */
import type { Spec } from '../spec/spec.ts';
import { landlockCreateRuleset, landlockRestrictSelf } from './process-calls.ts';
import { sharesProcesses } from './shared-namespaces.ts';
import { type Step, step } from './step.ts';

/** While CAP_SYS_ADMIN is held, without which no_new_privs would have to be set. */
export function wallIn(spec?: Spec): Step[] {
  const shared = spec !== undefined && sharesProcesses(spec);
  if (shared && spec.process.capabilities.bounding.includes('CAP_SYS_PTRACE')) return [];
  return [
    step(
      landlockCreateRuleset([
        'LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET',
        ...(shared ? [] : ['LANDLOCK_SCOPE_SIGNAL' as const]),
      ]),
      'a second wall beside the namespaces, where the kernel has it',
      // Not built in, not enabled, older than Linux 6.12, or refused by a filter around tsbox.
      { into: 'landlock', accept: ['ENOSYS', 'ENOTSUP', 'E2BIG', 'EPERM'] },
    ),
    step(
      landlockRestrictSelf('landlock'),
      shared
        ? 'no process outside the box can be traced or reached by an abstract socket'
        : 'no process outside the box can be traced, signalled or reached by an abstract socket',
      // Sixteen such walls around tsbox already.
      { accept: ['E2BIG'] },
    ),
  ];
}
