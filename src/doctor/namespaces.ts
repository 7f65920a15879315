/** namespaces(7): which kinds this kernel has, and whether user namespaces are allowed. */
import type { Cause } from '../causes/cause.ts';
import { proveLimit } from '../causes/namespace-limits.ts';
import { userNamespaceFacts as causeFacts, judgeUserNamespace } from '../causes/user-namespace.ts';
import { byCause, type Check, missing, ok } from './check.ts';

/** Names in /proc/self/ns, with the kernel option that brings each. */
const kinds = [
  ['pid', 'CONFIG_PID_NS'],
  ['mnt', 'CONFIG_NAMESPACES'],
  ['uts', 'CONFIG_UTS_NS'],
  ['ipc', 'CONFIG_IPC_NS'],
  ['net', 'CONFIG_NET_NS'],
  ['cgroup', 'CONFIG_CGROUPS'],
] as const;

/** @param present file names in /proc/self/ns. @param used why one of a kind cannot be made all the same. */
export function checkNamespaces(
  present: readonly string[],
  used: Readonly<Record<string, Cause | undefined>>,
): Check[] {
  return kinds.map(([kind, option]) => {
    const name = `namespace ${kind}`;
    const cause = used[kind];
    if (cause !== undefined) return byCause(name, 'containers', 'refused', cause);
    if (present.includes(kind)) return ok(name, 'containers', 'there');
    return missing(
      name,
      'containers',
      'not there',
      `the kernel was built without ${option}`,
      'boot the kernel of a distribution, which has it',
    );
  });
}

/** Why no more namespaces of a kind can be made, by kind. */
export async function usedNamespaces(): Promise<Record<string, Cause | undefined>> {
  const found = kinds.map(async ([kind]) => [kind, await proveLimit(kind)] as const);
  return Object.fromEntries(await Promise.all(found));
}

export interface UserNamespaceFacts {
  /** Whether /proc/self/ns/user exists. */
  readonly present: boolean;
  /** Whether a process could make one and had its rights there. */
  readonly worked: boolean;
  readonly cause: Cause | undefined;
}

export function checkUserNamespaces(
  uid: number,
  { present, worked, cause }: UserNamespaceFacts,
): Check {
  const name = 'namespace user';
  const use = uid === 0 ? 'some options' : 'containers';
  const means =
    uid === 0
      ? 'without it root of a box is root of the host'
      : 'without root a box is made in one';
  if (!present) {
    return missing(
      name,
      use,
      'not there',
      `the kernel was built without CONFIG_USER_NS; ${means}`,
      'boot the kernel of a distribution, which has it',
    );
  }
  if (worked) return ok(name, use, 'there, and a process could use one');
  if (cause !== undefined) return byCause(name, use, 'forbidden', cause);
  return missing(
    name,
    use,
    'there, but not usable',
    `a process could not make one, and no cause was proved; ${means}`,
    'run tsbox outside of the container or service that it is in, or let that have more privileges',
  );
}

export async function userNamespaceFacts(present: boolean): Promise<UserNamespaceFacts> {
  const facts = await causeFacts();
  const limit = await proveLimit('user');
  return { present, worked: facts.tried.end === 'done', cause: judgeUserNamespace(facts) ?? limit };
}

/** @param namespaces whether user namespaces work. @param cause why ids of others cannot be mapped. */
export function checkIdMaps(uid: number, namespaces: boolean, cause: Cause | undefined): Check {
  const [name, use] = ['id maps', 'some options'] as const;
  if (!namespaces)
    return missing(
      name,
      use,
      'none',
      'ids are mapped in a user namespace, and there is none',
      'mend what forbids user namespaces first',
    );
  if (cause !== undefined) return byCause(name, use, 'your own id alone', cause);
  return ok(name, use, uid === 0 ? 'written by root itself' : 'by newuidmap and newgidmap');
}

/** @param causes why a new procfs, and a new sysfs, cannot be mounted in a user namespace. */
export function checkRevealing(causes: readonly (Cause | undefined)[]): Check {
  const [name, use] = ['/proc and /sys', 'some options'] as const;
  const cause = causes.find((each) => each !== undefined);
  if (cause !== undefined) return byCause(name, use, 'none of its own in a user namespace', cause);
  return ok(name, use, 'a box in a user namespace can have its own');
}
