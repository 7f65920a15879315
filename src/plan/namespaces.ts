/**
 * The namespaces of a box (namespaces(7), OCI config-linux.md, "Namespaces"): new ones come with the
 * clone; in those that are there already tsbox itself clones the box, as the box, once it has a user
 * namespace of its own, could not enter them. The time namespace is the box's own step, as its offsets
 * must be there before anyone is in it (time_namespaces(7)).
 */
import { cloneFlags } from '../abi/flags.ts';
import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import type { Linux, NamespaceType } from '../spec/spec.ts';
import { flags, slot } from './arguments.ts';
import { openat, write } from './calls.ts';
import { type Call, type Slot, type Step, step } from './step.ts';

export type NamespaceFlag = Extract<keyof typeof cloneFlags, `CLONE_NEW${string}`>;

export const namespaceFlags: Readonly<Record<NamespaceType, NamespaceFlag>> = {
  pid: 'CLONE_NEWPID',
  mount: 'CLONE_NEWNS',
  uts: 'CLONE_NEWUTS',
  ipc: 'CLONE_NEWIPC',
  network: 'CLONE_NEWNET',
  cgroup: 'CLONE_NEWCGROUP',
  user: 'CLONE_NEWUSER',
  time: 'CLONE_NEWTIME',
};

/** A namespace in which tsbox is while it clones, by a path of the host's. */
export interface Joined {
  readonly flag: NamespaceFlag;
  readonly path: string;
}

export function newNamespaces({ namespaces }: Pick<Linux, 'namespaces'>): NamespaceFlag[] {
  return namespaces
    .filter(({ type, path }) => path === undefined && type !== 'time')
    .map(({ type }) => namespaceFlags[type]);
}

export function joinedNamespaces({ namespaces }: Pick<Linux, 'namespaces'>): Joined[] {
  return namespaces.flatMap(({ type, path }) =>
    path === undefined || type === 'time' ? [] : [{ flag: namespaceFlags[type], path }],
  );
}

/** Whether the box has a new namespace of that type. */
export function hasOwn({ namespaces }: Pick<Linux, 'namespaces'>, type: NamespaceType): boolean {
  return namespaces.some((each) => each.type === type && each.path === undefined);
}

export function printJoin({ flag, path }: Joined): string {
  return `setns(openat(AT_FDCWD, ${JSON.stringify(path)}, O_RDONLY|O_CLOEXEC), ${flag})`;
}

/** unshare(2) */
export function unshare(flag: NamespaceFlag): Call {
  return { call: 'unshare', args: [flags(cloneFlags, [flag])] };
}

/** setns(2), with a namespace, or with a process and all that is to be shared with it. */
export function setns(fd: Slot, list: readonly NamespaceFlag[]): Call {
  return { call: 'setns', args: [slot(fd), flags(cloneFlags, list)] };
}

/** Before the root is changed: the host's own /proc is the one that is trusted. */
export function enterTimeNamespace({ spec }: Box, arch: Arch): Step[] {
  const { namespaces, timeOffsets = {} } = spec.linux;
  const asked = namespaces.find(({ type }) => type === 'time');
  if (asked === undefined) return [];
  const { path = '/proc/self/ns/time_for_children' } = asked;
  const offsets = Object.entries(timeOffsets)
    .map(([clock, { secs, nanosecs }]) => `${clock} ${secs} ${nanosecs}\n`)
    .join('');
  const own = asked.path === undefined;
  return [
    ...(own ? [step(unshare('CLONE_NEWTIME'), 'a time namespace, in which nobody is yet')] : []),
    ...(own && offsets !== ''
      ? [
          step(openat(arch, '/proc/self/timens_offsets', ['O_WRONLY', 'O_CLOEXEC']), 'its clocks', {
            into: 'offsets',
          }),
          step(
            write('offsets', offsets),
            'linux.timeOffsets: how far they are ahead of the host’s',
            {
              hint: 'ERANGE: the clock would be below 0, or too far ahead',
            },
          ),
        ]
      : []),
    step(openat(arch, path, ['O_RDONLY', 'O_CLOEXEC']), 'the time namespace', { into: 'time' }),
    step(setns('time', ['CLONE_NEWTIME']), 'the box’s clocks are those of it', {
      hint: 'EINVAL: the path must lead to a time namespace; EPERM: it must belong to the box’s user namespace',
    }),
  ];
}
