/** User namespaces that are refused, or made without power: user_namespaces(7). */
import { errnoName } from '../abi/errno.ts';
import { type Attempt, attempt } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';
import { power } from './power.ts';
import { holds, ownStatus, readText } from './status.ts';

export interface UserNamespaceFacts {
  /** What came of using a right in a user namespace made for it. */
  readonly tried: Attempt;
  /** Texts of the sysctls; undefined where the kernel has no such file. */
  readonly apparmor: string | undefined;
  readonly unprivilegedClone: string | undefined;
  /** Whether the caller has CAP_SYS_ADMIN already. */
  readonly powerful: boolean;
  /** Whether the caller's root directory is a mount, as it is unless it has been changed by chroot(2). */
  readonly rootIsMount: boolean;
  /** Text of the caller's own /proc/self/uid_map. */
  readonly uidMap: string;
  /** Security modules in force, with commas; undefined where that cannot be read. */
  readonly modules: string | undefined;
}

export const userNamespace: Probe = {
  concerns: ({ clone = [] }) => clone.includes('CLONE_NEWUSER'),
  looksAt: 'a user namespace was made and had its power',
  prove: async () => judgeUserNamespace(await userNamespaceFacts()),
};

export async function userNamespaceFacts(): Promise<UserNamespaceFacts> {
  return {
    tried: await attempt(['CLONE_NEWUSER'], [power]),
    apparmor: readText('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    unprivilegedClone: readText('/proc/sys/kernel/unprivileged_userns_clone'),
    powerful: holds(ownStatus().effective, 'CAP_SYS_ADMIN'),
    rootIsMount: /^(?:\S+ ){4}\/ /m.test(readText('/proc/self/mountinfo') ?? '1 0 0:0 / / '),
    uidMap: readText('/proc/self/uid_map') ?? '0 0 1',
    modules: readText('/sys/kernel/security/lsm')?.trim(),
  };
}

export function judgeUserNamespace(facts: UserNamespaceFacts): Cause | undefined {
  const { tried, apparmor, unprivilegedClone, powerful } = facts;
  if (tried.end === 'done' || !['EPERM', 'EACCES'].includes(errnoName(tried.errno)))
    return undefined;
  if (tried.end === 'refused') return judgePower(apparmor, facts.modules);
  if (!powerful && unprivilegedClone?.trim() === '0')
    return {
      sentence: 'a user namespace is refused: kernel.unprivileged_userns_clone is 0',
      mend: 'as root: sysctl -w kernel.unprivileged_userns_clone=1',
    };
  if (!facts.rootIsMount)
    return {
      sentence:
        'a user namespace is refused: tsbox runs in a chroot (no mount is at its root in /proc/self/mountinfo), where clone(2) makes none',
      mend: 'run tsbox outside of it, or enter it by pivot_root(2), as bwrap and systemd-nspawn do',
    };
  if (facts.uidMap.trim() === '')
    return {
      sentence:
        'a user namespace is refused: the one that tsbox runs in has no ids (/proc/self/uid_map is empty)',
      mend: 'run tsbox outside of it, or have ids mapped in it: unshare --map-root-user',
    };
  return undefined;
}

/** Nothing but a security module takes the capabilities in a new user namespace. */
function judgePower(apparmor: string | undefined, modules: string | undefined): Cause {
  const seen = 'a user namespace is made and then powerless';
  if (apparmor?.trim() === '1')
    return {
      sentence: `${seen}: kernel.apparmor_restrict_unprivileged_userns is 1`,
      mend: 'as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    };
  const active = modules === undefined ? '' : ` (active: ${modules})`;
  return {
    sentence: `${seen}: a security module takes its capabilities${active}; kernel.apparmor_restrict_unprivileged_userns is not what says so`,
    mend: 'as root: let that module allow them for tsbox; its refusals are in the audit log (journalctl -k -g denied)',
  };
}
