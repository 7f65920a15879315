/** What a box that shares namespaces needs of this host, and what it is not given. */

import { askedName } from '../spec/asked-name.ts';
import type { Box } from '../spec/box.ts';
import type { Spec } from '../spec/spec.ts';
import { lacks } from './cgroup.ts';
import type { Host } from './host.ts';

/** Whether other processes than its own are in the box's PID namespace. */
export function sharesProcesses({ linux }: Spec): boolean {
  return !linux.namespaces.some(({ type, path }) => type === 'pid' && path === undefined);
}

/** Refusals of what this host cannot keep, a sentence each. */
export function unkeptSharing(
  box: Pick<Box, 'spec' | 'bundle'>,
  { cgroup, cgroupLack }: Pick<Host, 'cgroup' | 'cgroupLack'>,
): string[] {
  if (cgroup !== undefined || !sharesProcesses(box.spec)) return [];
  return [
    `${askedName('processes', box)}: without a PID namespace of its own only its cgroup tells which processes are the box's, and ends all of them with it: that needs ${lacks[cgroupLack ?? 'not mounted']}`,
  ];
}
