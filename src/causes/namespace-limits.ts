/** Limits of namespaces(7), /proc/sys/user: each kind is tried alone, so the one that is used up shows itself. */
import { errnoName } from '../abi/errno.ts';
import type { CloneFlag } from '../plan/container.ts';
import { attempt } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';
import { holds, ownStatus, readText } from './status.ts';

const kinds: readonly (readonly [CloneFlag, string])[] = [
  ['CLONE_NEWUSER', 'user'],
  ['CLONE_NEWNS', 'mnt'],
  ['CLONE_NEWPID', 'pid'],
  ['CLONE_NEWNET', 'net'],
  ['CLONE_NEWUTS', 'uts'],
  ['CLONE_NEWIPC', 'ipc'],
  ['CLONE_NEWCGROUP', 'cgroup'],
];

export const namespaceLimits: Probe = {
  looksAt: 'each kind of namespace was made alone, and none was out of /proc/sys/user',
  prove: async ({ clone = [] }) => {
    for (const [flag, kind] of kinds.filter(([each]) => clone.includes(each))) {
      const cause = await proveLimit(kind, flag);
      if (cause !== undefined) return cause;
    }
    return undefined;
  },
};

/** @param kind as in the names of /proc/sys/user. */
export async function proveLimit(kind: string, flag = flagOf(kind)): Promise<Cause | undefined> {
  if (flag === undefined) return undefined;
  const powerful = holds(ownStatus().effective, 'CAP_SYS_ADMIN');
  const around: CloneFlag[] = powerful || flag === 'CLONE_NEWUSER' ? [] : ['CLONE_NEWUSER'];
  // Without the one around it, nothing is known of the one within.
  if (around.length > 0 && (await attempt(around)).end !== 'done') return undefined;
  const tried = await attempt([...around, flag]);
  const full = tried.end === 'not cloned' && ['ENOSPC', 'EUSERS'].includes(errnoName(tried.errno));
  return full ? usedUp(kind, readText(`/proc/sys/user/max_${kind}_namespaces`)?.trim()) : undefined;
}

function flagOf(kind: string): CloneFlag | undefined {
  return kinds.find(([, name]) => name === kind)?.[0];
}

/** @param limit of the caller's own user namespace; those around it have limits, too. */
export function usedUp(kind: string, limit: string | undefined): Cause {
  const name = `user.max_${kind}_namespaces`;
  const alone = `a ${kind} namespace alone is refused`;
  const raise = `as root: sysctl -w ${name}=15000`;
  if (limit === '0') return { sentence: `${alone}: ${name} is 0`, mend: raise };
  // The limit of a new user namespace is INT_MAX: user_namespaces(7) counts in all those around it.
  if (limit === '2147483647') {
    const deep = kind === 'user' ? ', or user namespaces are nested 32 levels deep' : '';
    return {
      sentence: `${alone} and ${name} is without limit here: that of an outer user namespace is used up${deep}`,
      mend: `${raise}, on the host that this container runs on`,
    };
  }
  return {
    sentence: `${alone}: ${name} is ${limit ?? 'not readable'}, and all are in use here or in an outer user namespace`,
    mend: raise,
  };
}
