/** cgroups(7): where version 2 is mounted, and which controllers it has. */

import type { Cause } from '../causes/cause.ts';
import { proveDelegation } from '../causes/cgroup-delegation.ts';
import { readText } from '../causes/status.ts';
import { findCgroups, ownCgroup, words } from '../linux/cgroup-place.ts';
import { moreByScope } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { findScopes, type NoScope } from '../sandbox/systemd.ts';
import { byCause, type Check, limited, missing, ok } from './check.ts';

/** Controllers that a flag of `run` needs. */
const wanted = [
  ['memory', '--memory'],
  ['cpu', '--cpus'],
  ['pids', '--pids-limit'],
] as const;

const unify = 'boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line';

export interface CgroupMounts {
  /** Where version 2 is mounted. */
  readonly unified: string | undefined;
  /** Controllers, and named hierarchies left out, that version 1 holds. */
  readonly legacy: readonly string[];
}

/** Reads proc_pid_mountinfo(5): `… MOUNT-POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS`. */
export function parseCgroupMounts(mountinfo: string): CgroupMounts {
  const mounts = mountinfo.split('\n').map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [type = '', , options = ''] = after.split(' ');
    return { place: before.split(' ')[4], type, words: options.split(',') };
  });
  const settings = /^(rw|ro|xattr|noprefix|clone_children|release_agent=.*|name=.*)$/;
  const legacy = mounts
    .filter(({ type }) => type === 'cgroup')
    .flatMap(({ words }) => words.filter((word) => !settings.test(word)));
  return { unified: mounts.find(({ type }) => type === 'cgroup2')?.place, legacy };
}

/**
 * @param controllers text of cgroup.controllers at the mount point of version 2.
 * @param cause why no cgroup can be made there.
 */
export function checkCgroups(mounts: CgroupMounts, controllers: string, cause?: Cause): Check {
  const [name, use] = ['cgroup v2', 'some options'] as const;
  const { unified, legacy } = mounts;
  if (unified === undefined) {
    const why =
      legacy.length > 0
        ? `this host has cgroup v1 alone (${legacy.join(', ')})`
        : 'nothing mounts it';
    return missing(name, use, 'not mounted', `${why}; tsbox sets no limits there`, unify);
  }
  if (cause !== undefined) return byCause(name, use, unified, cause);
  const there = controllers.split(/\s+/).filter((word) => word !== '');
  const lacking = wanted.filter(([controller]) => !there.includes(controller));
  const what = `${unified}: ${there.join(' ') || 'no controllers'}`;
  if (lacking.length === 0) return ok(name, use, what);
  const held = lacking.map(([controller]) => controller).filter((one) => legacy.includes(one));
  const flags = lacking.map(([, flag]) => flag).join(', ');
  const why =
    held.length > 0
      ? `hybrid: cgroup v1 holds ${held.join(', ')}; ${flags} are refused`
      : `the kernel or an outer container withholds the rest; ${flags} are refused`;
  return limited(
    name,
    use,
    what,
    why,
    held.length > 0
      ? unify
      : 'run tsbox outside of that container, or boot without cgroup_disable=',
  );
}

export async function hostCgroups(): Promise<Check> {
  const mounts = parseCgroupMounts(readText('/proc/self/mountinfo') ?? '');
  const own = ownCgroups(mounts);
  const { unified } = mounts;
  if (own.status === 'ok' || unified === undefined || process.geteuid?.() === 0) return own;
  const all = words(`${unified}/cgroup.controllers`);
  if (wanted.some(([controller]) => all.includes(controller)))
    return checkScopes(mounts, own, await findScopes(), all);
  const { why, mend } = checkCgroups(mounts, all.join(' '));
  return { ...own, why: `${own.why}; ${why}`, mend };
}

/** The first way: a cgroup that is there already. */
function ownCgroups(mounts: CgroupMounts): Check {
  const found = findCgroups();
  if (typeof found === 'string') {
    const { unified } = mounts;
    const cause = unified === undefined ? undefined : proveDelegation(ownCgroup(unified));
    return checkCgroups(mounts, '', cause);
  }
  const { top, controllers } = found;
  return checkCgroups({ ...mounts, unified: top }, controllers.join(' '), proveDelegation(top));
}

/**
 * The other way: the user's systemd makes one when a box needs it.
 * @param own what became of the first.
 * @param all controllers of the whole host.
 */
export function checkScopes(
  mounts: CgroupMounts,
  own: Check,
  found: CgroupHost | NoScope,
  all: readonly string[],
): Check {
  if ('why' in found)
    return { ...own, why: `${own.why}; systemd gives none, as ${found.why}`, mend: found.mend };
  const { top, controllers } = found;
  const by = `by a scope of systemd’s in ${top}`;
  const check = checkCgroups({ ...mounts, unified: by }, controllers.join(' '));
  const kept = wanted.filter(([controller]) => all.includes(controller));
  const withheld = kept.filter(([controller]) => !controllers.includes(controller));
  if (withheld.length === 0) return check;
  const flags = withheld.map(([, flag]) => flag).join(', ');
  const why = `systemd does not let your cgroups have the rest; ${flags} are refused`;
  return limited(check.name, check.for, check.what, why, moreByScope);
}
