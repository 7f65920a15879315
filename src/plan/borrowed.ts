/**
 * File systems that show a namespace (proc: its processes, mqueue: its queues, cgroup2: its cgroups).
 * The kernel lets them be mounted only by who has power over that namespace, user_namespaces(7): a box
 * with ids of its own has none over one that is not its own, so it gets the mount that the host has.
 */
import type { Box } from '../spec/box.ts';
import type { Mount, NamespaceType } from '../spec/spec.ts';
import { HERE } from './arguments.ts';
import type { Host } from './host.ts';
import type { MountApi } from './mount-api.ts';
import type { MountAttribute } from './mount-calls.ts';
import type { Slot, Step } from './step.ts';

interface Shown {
  readonly namespace: NamespaceType;
  /** Where the host has it. */
  readonly path: (host: Host) => string | undefined;
}

const shown: Readonly<Partial<Record<Mount['type'], Shown>>> = {
  proc: { namespace: 'pid', path: () => '/proc' },
  mqueue: { namespace: 'ipc', path: ({ queues }) => queues },
  cgroup: { namespace: 'cgroup', path: ({ cgroup }) => cgroup?.mount },
};

/** Whether it would have to come from the host, and the host has none. */
export function isMissing(box: Box, host: Host, mount: Mount): boolean {
  return lacksPower(box, mount) && shown[mount.type]?.path(host) === undefined;
}

/** Path of the host's mount that the box gets; undefined where it makes one itself. */
export function borrowedFrom(box: Box, host: Host, mount: Mount): string | undefined {
  return lacksPower(box, mount) ? shown[mount.type]?.path(host) : undefined;
}

function lacksPower({ spec }: Box, { type }: Mount): boolean {
  const { namespaces, uidMappings } = spec.linux;
  const about = shown[type];
  if (about === undefined || uidMappings.length === 0) return false;
  return !namespaces.some((each) => each.type === about.namespace);
}

/** With what is mounted in it, which the kernel does not let a user namespace take away. */
export function borrow(
  path: string,
  into: Slot,
  attributes: readonly MountAttribute[],
  api: MountApi,
): Step[] {
  const why = `what the host has at ${path}: the box has no power over a namespace that is not its own`;
  const hint = `the host must have it mounted at ${path}`;
  return [
    ...api.copy({ at: HERE, path, kind: 'directory' }, into, 'recursive', why, { hint }),
    ...api.setAttributes(into, attributes, 'recursive', 'and nothing more can be done with it'),
  ];
}
