/** Control groups, version 2 (the kernel's Documentation/admin-guide/cgroup-v2.rst). */
import { type Asked, type Asker, askedName } from '../spec/asked-name.ts';
import type { Resources } from '../spec/spec.ts';
import type { HostAction } from './action.ts';
import { cgroupFiles, controllersOf } from './cgroup-files.ts';
import type { CgroupHost, CgroupLack, Host } from './host.ts';

/** Directory, below the cgroup that is tsbox's, in which every box gets its cgroup. */
export const CGROUP_PARENT = 'tsbox';

function cgroupPath(host: CgroupHost, id: string): string {
  return `${host.top}/${CGROUP_PARENT}/${id}`;
}

/** Where the kernel counts what the box uses and which limits it met. */
export function accountPath(host: CgroupHost, id: string): string {
  return cgroupPath(host, id);
}

/**
 * The cgroup into which the box is cloned: one below the cgroup that keeps its limits, as a box that
 * makes a user and a cgroup namespace of its own may write the files of its root.
 */
export function entryPath(host: CgroupHost, id: string): string {
  return `${cgroupPath(host, id)}/box`;
}

/** What asks for a limit that a controller keeps. */
const askedOf: Readonly<Record<string, Asked>> = {
  memory: 'memory',
  cpu: 'cpu',
  pids: 'pids',
  io: 'io',
  cpuset: 'cpuset',
  hugetlb: 'hugetlb',
  rdma: 'rdma',
};

/** Limits that were asked for and that this host cannot keep: a sentence each. */
export function unkeptLimits(
  resources: Resources,
  { cgroup, cgroupLack, noScope }: Pick<Host, 'cgroup' | 'cgroupLack' | 'noScope'>,
  asker: Asker,
): string[] {
  // Said once: the reason is the same for all.
  const systemd = (index: number) =>
    noScope === undefined || index > 0 ? '' : `; systemd gives none, as ${noScope}`;
  const asks = (controller: string) => {
    const { quota, shares } = resources.cpu ?? {};
    const isWeight = controller === 'cpu' && !quota && shares;
    return askedName(isWeight ? 'cpuShares' : (askedOf[controller] ?? 'unified'), asker);
  };
  return controllersOf(resources)
    .filter((controller) => !cgroup?.controllers.includes(controller))
    .map((controller, index) =>
      cgroup === undefined
        ? `${asks(controller)} needs ${lacks[cgroupLack ?? 'not mounted']}${systemd(index)}`
        : `${asks(controller)} needs the ${controller} controller of cgroup v2, which ${withholder(cgroup)}${systemd(index)}`,
    );
}

/** Controllers that the limits need and that are not among these. */
export function lackingControllers(resources: Resources, there: readonly string[]): string[] {
  return controllersOf(resources).filter((controller) => !there.includes(controller));
}

/** Why a box gets no cgroup, and what to do about it. */
export const lacks: Readonly<Record<CgroupLack, string>> = {
  'not mounted': 'cgroup v2, which is not mounted on this host',
  'not delegated':
    'a cgroup that belongs to you, and none around this process does (root can give you one: cgroups(7), "Cgroups delegation")',
};

export const moreByScope =
  'root runs `systemctl edit user@.service`, with [Service] and Delegate=cpu memory pids, and restarts user@UID.service, which ends what you run there';

function withholder({ mount, top, controllers }: CgroupHost): string {
  if (top === mount)
    return `${mount} does not offer: leave the limit out, or see \`tsbox doctor\` for who withholds it`;
  const all = controllers.length === 0 ? 'none' : controllers.join(', ');
  if (/\/tsbox-\w+\.scope$/.test(top))
    return `systemd does not let your cgroups have (only ${all}): ${moreByScope}`;
  return `your cgroup ${top} does not have (it has ${all}): root enables it in cgroup.subtree_control of the cgroup above, and that cgroup must hold no process itself`;
}

/** Levels of cgroups and their number that a box can make in its own: enough for systemd with containers in it. */
const MOST_LEVELS = 32;
const MOST_CGROUPS = 4096;

/** Makes the box's cgroup and sets its limits, before the clone that starts the box in it. */
export function makeCgroup(resources: Resources, host: CgroupHost, id: string): HostAction[] {
  const parent = `${host.top}/${CGROUP_PARENT}`;
  const own = cgroupPath(host, id);
  const entry = entryPath(host, id);
  const controllers = controllersOf(resources).map((controller) => `+${controller}`);
  const enable = (directory: string): HostAction => ({
    call: 'write',
    path: `${directory}/cgroup.subtree_control`,
    data: controllers.join(' '),
    why: 'the cgroups below may have these limits',
    hint: 'EBUSY: processes are in that very cgroup, as in a container: run tsbox on the host itself, or move them to a cgroup below (cgroups(7), "no internal processes")',
  });
  const cap = (file: string, most: number): HostAction => ({
    call: 'write',
    path: `${own}/cgroup.max.${file}`,
    data: String(most),
    why: 'what a box nests in its cgroup must be removed after it',
  });
  return [
    { call: 'mkdir', path: parent, why: 'parent of all boxes’ cgroups' },
    ...(controllers.length === 0 ? [] : [enable(host.top), enable(parent)]),
    { call: 'mkdir', path: own, why: 'counts, limits and ends all processes of the box together' },
    cap('depth', MOST_LEVELS),
    cap('descendants', MOST_CGROUPS),
    ...limits(resources, own),
    ...(controllers.length === 0 ? [] : [enable(own)]),
    {
      call: 'mkdir',
      path: entry,
      why: 'what the box sees as the root: above it no namespace reaches',
    },
    ...limits(resources, entry),
  ];
}

export function removeCgroup(host: CgroupHost, id: string): HostAction[] {
  return [
    {
      call: 'write',
      path: `${cgroupPath(host, id)}/cgroup.kill`,
      data: '1',
      why: 'no process of the box is left',
      optional: true,
    },
    {
      call: 'rmdir',
      path: entryPath(host, id),
      why: 'the box has ended; with all cgroups that it made below',
    },
    {
      call: 'rmdir',
      path: cgroupPath(host, id),
      why: 'and its limits with it',
    },
  ];
}

function limits(resources: Resources, own: string): HostAction[] {
  return cgroupFiles(resources).map(({ file, ...others }) => ({
    call: 'write',
    path: `${own}/${file}`,
    ...others,
  }));
}
