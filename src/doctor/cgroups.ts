/** cgroups(7): where version 2 is mounted, and which controllers it has. */

import type { Cause } from '../causes/cause.ts';
import { proveDelegation } from '../causes/cgroup-delegation.ts';
import { readText } from '../causes/status.ts';
import { findCgroups, ownCgroup } from '../linux/cgroup-place.ts';
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

export function hostCgroups(): Check {
  const mounts = parseCgroupMounts(readText('/proc/self/mountinfo') ?? '');
  const found = findCgroups();
  if (typeof found === 'string') {
    const { unified } = mounts;
    const cause = unified === undefined ? undefined : proveDelegation(ownCgroup(unified));
    return checkCgroups(mounts, '', cause);
  }
  const { top, controllers } = found;
  return checkCgroups({ ...mounts, unified: top }, controllers.join(' '), proveDelegation(top));
}
