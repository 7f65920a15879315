/** What a box that shares namespaces needs of this host, and what it is not given. */
import type { Spec } from '../spec/spec.ts';
import { lacks } from './cgroup.ts';
import type { Host } from './host.ts';

/** Whether other processes than its own are in the box's PID namespace. */
export function sharesProcesses({ linux }: Spec): boolean {
  return !linux.namespaces.some(({ type, path }) => type === 'pid' && path === undefined);
}

/** Refusals of what this host cannot keep, a sentence each. */
export function unkeptSharing(
  spec: Spec,
  { cgroup, cgroupLack }: Pick<Host, 'cgroup' | 'cgroupLack'>,
): string[] {
  if (cgroup !== undefined || !sharesProcesses(spec)) return [];
  return [
    `--pid: without a PID namespace of its own only its cgroup tells which processes are the box's, and ends all of them with it: that needs ${lacks[cgroupLack ?? 'not mounted']}`,
  ];
}
