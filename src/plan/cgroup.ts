/** Control groups, version 2 (the kernel's Documentation/admin-guide/cgroup-v2.rst). */
import type { Resources } from '../spec/spec.ts';
import type { HostAction } from './action.ts';
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

/** The controller that each limit needs. */
const controllerOf = { memory: 'memory', cpu: 'cpu', pids: 'pids' } as const;
const flagOf = { memory: '--memory', cpu: '--cpus', pids: '--pids-limit' } as const;

/** Limits that were asked for and that this host cannot keep: a sentence each. */
export function unkeptLimits(
  resources: Resources,
  { cgroup, cgroupLack, noScope }: Pick<Host, 'cgroup' | 'cgroupLack' | 'noScope'>,
): string[] {
  // Said once: the reason is the same for all.
  const systemd = (index: number) =>
    noScope === undefined || index > 0 ? '' : `; systemd gives none, as ${noScope}`;
  return requested(resources)
    .filter((limit) => !cgroup?.controllers.includes(controllerOf[limit]))
    .map((limit, index) =>
      cgroup === undefined
        ? `${flagOf[limit]} needs ${lacks[cgroupLack ?? 'not mounted']}${systemd(index)}`
        : `${flagOf[limit]} needs the ${controllerOf[limit]} controller of cgroup v2, which ${withholder(cgroup)}${systemd(index)}`,
    );
}

/** Controllers that the limits need and that are not among these. */
export function lackingControllers(resources: Resources, there: readonly string[]): string[] {
  return requested(resources)
    .map((limit) => controllerOf[limit])
    .filter((controller) => !there.includes(controller));
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
  const controllers = requested(resources).map((limit) => `+${controllerOf[limit]}`);
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

function limits({ memory, cpu, pids }: Resources, own: string): HostAction[] {
  const set = (file: string, data: string, why: string, optional = false): HostAction => ({
    call: 'write',
    path: `${own}/${file}`,
    data,
    why,
    optional,
  });
  return [
    ...(memory === undefined
      ? []
      : [
          set('memory.max', String(memory.limit), '--memory: the most bytes in use at once'),
          set('memory.swap.max', '0', 'the limit is not got round by swapping', true),
          set('memory.oom.group', '1', 'past the limit the whole box ends, not a part of it'),
        ]),
    ...(cpu === undefined
      ? []
      : [
          set(
            'cpu.max',
            `${cpu.quota} ${cpu.period}`,
            '--cpus: microseconds of processor time in each period',
          ),
        ]),
    ...(pids === undefined
      ? []
      : [
          set(
            'pids.max',
            String(pids.limit),
            '--pids-limit: the most processes and threads at once',
          ),
        ]),
  ];
}

function requested(resources: Resources): (keyof typeof controllerOf)[] {
  return (['memory', 'cpu', 'pids'] as const).filter((limit) => resources[limit] !== undefined);
}
