/** A running box, as flags of others' see it. */
import { openOfProcess } from '../linux/process.ts';
import { BoxError } from '../sandbox/errors.ts';
import { findRunning, type RunningBox } from '../sandbox/running.ts';
import { SpecError } from '../spec/errors.ts';
import type { OtherBox } from '../spec/outside.ts';
import type { NamespaceType } from '../spec/spec.ts';

/** Names of namespaces(7) in /proc/PID/ns. */
const files: Readonly<Record<NamespaceType, string>> = {
  pid: 'pid',
  mount: 'mnt',
  uts: 'uts',
  ipc: 'ipc',
  network: 'net',
  cgroup: 'cgroup',
  user: 'user',
  time: 'time',
};

/** @throws SpecError */
export function findBox(what: string, word: string): OtherBox {
  try {
    const box = findRunning(what, word);
    return { ...box, namespace: (type) => namespacePath(what, box, type) };
  } catch (error) {
    if (error instanceof BoxError) throw new SpecError([error.message]);
    throw error;
  }
}

/** By a descriptor, which stays open: the number of the process can be another's later. */
function namespacePath(what: string, { id, pid, pidfd }: RunningBox, type: NamespaceType): string {
  try {
    const fd = openOfProcess(pid, pidfd, `ns/${files[type]}`);
    if (fd !== undefined) return `/proc/self/fd/${fd}`;
  } catch (error) {
    throw new SpecError([`${what}: box ${id}: ${(error as Error).message}`]);
  }
  throw new SpecError([`${what}: box ${id} has just ended`]);
}
