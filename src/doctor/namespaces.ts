/** namespaces(7): which kinds this kernel has, and whether user namespaces are allowed. */
import { execa } from 'execa';
import { type Check, limited, missing, ok } from './check.ts';
import { readText } from './read.ts';

/** Names in /proc/self/ns, with the kernel option that brings each. */
const kinds = [
  ['pid', 'CONFIG_PID_NS'],
  ['mnt', 'CONFIG_NAMESPACES'],
  ['uts', 'CONFIG_UTS_NS'],
  ['ipc', 'CONFIG_IPC_NS'],
  ['net', 'CONFIG_NET_NS'],
  ['cgroup', 'CONFIG_CGROUPS'],
] as const;

/** @param present file names in /proc/self/ns. */
export function checkNamespaces(present: readonly string[]): Check[] {
  return kinds.map(([kind, option]) => {
    const name = `namespace ${kind}`;
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

export interface UserNamespaceFacts {
  /** Whether /proc/self/ns/user exists. */
  readonly present: boolean;
  /** Texts of the sysctls; undefined where the kernel has no such file. */
  readonly max: string | undefined;
  readonly unprivilegedClone: string | undefined;
  readonly apparmor: string | undefined;
  /** Whether a process of the caller made one and used its power; undefined: not tried. */
  readonly probe: { readonly worked: boolean; readonly words: string } | undefined;
}

/** Who forbids them: the sysctl's name, its meaning, and how to set it. */
export function checkUserNamespaces(facts: UserNamespaceFacts): Check {
  const [name, use] = ['namespace user', 'some options'] as const;
  const means = '--userns=auto';
  if (!facts.present) {
    return missing(
      name,
      use,
      'not there',
      `the kernel was built without CONFIG_USER_NS; ${means} needs it`,
      'boot the kernel of a distribution, which has it',
    );
  }
  if (facts.probe?.worked) return ok(name, use, 'there, and a process could use one');
  const culprit = findCulprit(facts);
  if (culprit !== undefined) {
    const why = `${culprit.why}; ${means} needs them`;
    return missing(name, use, 'forbidden', why, `as root: sysctl -w ${culprit.setting}`);
  }
  if (facts.probe === undefined) {
    return limited(
      name,
      use,
      'there',
      'not tried: unshare(1) is not installed',
      'install util-linux',
    );
  }
  return missing(
    name,
    use,
    'there, but not usable',
    `a process could not make one: ${facts.probe.words || 'no reason given'}; no sysctl forbids it, so a seccomp filter or the limits of an outer container do`,
    'run tsbox outside that container, or let it have more privileges',
  );
}

function findCulprit({ max, unprivilegedClone, apparmor }: UserNamespaceFacts) {
  if (max?.trim() === '0') {
    return { why: 'user.max_user_namespaces is 0', setting: 'user.max_user_namespaces=15000' };
  }
  if (unprivilegedClone?.trim() === '0') {
    return {
      why: 'kernel.unprivileged_userns_clone is 0, which leaves them to root',
      setting: 'kernel.unprivileged_userns_clone=1',
    };
  }
  if (apparmor?.trim() === '1') {
    return {
      why: 'kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor lets them be made and takes their power away',
      setting: 'kernel.apparmor_restrict_unprivileged_userns=0',
    };
  }
  return undefined;
}

export async function userNamespaceFacts(present: boolean): Promise<UserNamespaceFacts> {
  return {
    present,
    max: readText('/proc/sys/user/max_user_namespaces'),
    unprivilegedClone: readText('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmor: readText('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    probe: present ? await probe() : undefined,
  };
}

/** With a mount namespace: making its mounts private is the privileged call that AppArmor denies. */
async function probe(): Promise<UserNamespaceFacts['probe']> {
  const args = ['--user', '--map-root-user', '--mount', 'true'];
  const result = await execa('unshare', args, { reject: false, cwd: '/' });
  if (result.code === 'ENOENT') return undefined;
  return { worked: !result.failed, words: result.stderr.trim() };
}

/** Whether subordinate ids can be mapped without root. */
export function checkIdMaps(newuidmap: string | undefined, uid: number): Check {
  if (newuidmap !== undefined) return ok('id maps', 'some options', newuidmap);
  if (uid === 0) return ok('id maps', 'some options', 'written by root itself');
  return missing(
    'id maps',
    'some options',
    'no newuidmap',
    'only newuidmap, which is set-user-id, may map more ids than your own',
    'apt-get install --no-install-recommends uidmap',
  );
}
