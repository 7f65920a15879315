/**
 * A cgroup that cannot be made, or whose files cannot be written: cgroups(7), "Cgroups delegation".
 * What the kernel asks is who owns the directory above, and whether the mount may be written.
 */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoName } from '../abi/errno.ts';
import { cgroupMount } from '../linux/cgroup-place.ts';
import { mountAround } from '../linux/mountinfo.ts';
import type { Cause, Probe } from './cause.ts';
import { readText } from './status.ts';

export interface CgroupFacts {
  /** Name of the errno that it was refused with. */
  readonly error: string;
  /** The cgroup in which something was to be made or written. */
  readonly directory: string;
  readonly mount: string;
  readonly readOnly: boolean;
  /** Owner of the cgroup; undefined where it is not there. */
  readonly owner: number | undefined;
  /** Whether the caller may write in it. */
  readonly writable: boolean;
  readonly uid: number;
  /** Processes in that very cgroup. */
  readonly processes: readonly string[];
  /** A limit of the hierarchy that is reached: its file, and what is in it. */
  readonly full?: { readonly file: string; readonly limit: string } | undefined;
}

export const cgroupDelegation: Probe = {
  concerns: ({ path }) => path?.startsWith(`${cgroupMount()}/`) === true,
  looksAt: 'the cgroup is the caller’s to write to',
  prove: ({ path = '', errno }) => judgeCgroup(cgroupFacts(path, errnoName(errno))),
};

/** Why no cgroup could be made in a directory; undefined where one could. */
export function proveDelegation(directory: string): Cause | undefined {
  const facts = cgroupFacts(`${directory}/tsbox`, '');
  return judgeCgroup({ ...facts, error: facts.readOnly ? 'EROFS' : 'EACCES' });
}

/** @param path of a cgroup of version 2, or of a file of one. */
function cgroupFacts(path: string, error: string): CgroupFacts {
  const mount = cgroupMount() ?? '';
  const directory = dirname(path);
  const around = mountAround(readText('/proc/self/mountinfo') ?? '', directory);
  return {
    error,
    directory,
    mount,
    readOnly: around?.attributes.includes('MOUNT_ATTR_RDONLY') ?? false,
    owner: statSync(directory, { throwIfNoEntry: false })?.uid,
    writable: isWritable(directory),
    uid: process.geteuid?.() ?? 0,
    processes: (readText(`${directory}/cgroup.procs`) ?? '')
      .split('\n')
      .filter((pid) => pid !== ''),
    full: error === 'EAGAIN' ? fullAbove(directory, mount) : undefined,
  };
}

const delegate = 'systemd-run --user --scope --property=Delegate=yes tsbox …';

export function judgeCgroup(facts: CgroupFacts): Cause | undefined {
  const { error, directory, mount, owner, uid, processes } = facts;
  if (error === 'EROFS' && facts.readOnly)
    return {
      sentence: `cgroups are mounted read-only here (ro at ${mount} in /proc/self/mountinfo)`,
      mend: 'run tsbox outside this container, or start the container with its own cgroups to write to: docker run --privileged --cgroupns=private, podman run --security-opt unmask=/sys/fs/cgroup',
    };
  if (['EACCES', 'EPERM'].includes(error) && !facts.writable && owner !== undefined)
    return {
      sentence: `the cgroup ${directory} is not delegated: it belongs to user ${owner}, and tsbox runs as user ${uid}`,
      mend: `run tsbox in a cgroup that is delegated to you: ${delegate}`,
    };
  if (error === 'EBUSY' && processes.length > 0)
    return {
      sentence: `processes are in that very cgroup (${listed(processes)} in ${directory}/cgroup.procs), so that it cannot pass on limits`,
      mend: `move them to a cgroup below it (cgroups(7), "no internal processes"), or run tsbox in a cgroup of its own: ${delegate}`,
    };
  if (error === 'EAGAIN' && facts.full !== undefined)
    return {
      sentence: `no more cgroups can be made: ${facts.full.file} is ${facts.full.limit}`,
      mend: `remove some, or as root: echo max >${facts.full.file}`,
    };
  return undefined;
}

function listed(processes: readonly string[]): string {
  const [first = '', second = '', ...more] = processes;
  return [first, second].filter((pid) => pid !== '').join(', ') + (more.length > 0 ? ' …' : '');
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** cgroup.max.descendants and cgroup.max.depth count in every cgroup above the new one. */
function fullAbove(directory: string, mount: string): CgroupFacts['full'] {
  let depth = 1;
  for (let path = directory; path.startsWith(mount); path = dirname(path), depth++) {
    const files = readdirSync(path);
    for (const [name, used] of [
      ['cgroup.max.descendants', descendants(path)],
      ['cgroup.max.depth', depth - 1],
    ] as const) {
      const limit = files.includes(name) ? readText(`${path}/${name}`)?.trim() : undefined;
      if (limit !== undefined && limit !== 'max' && used >= Number(limit))
        return { file: `${path}/${name}`, limit };
    }
  }
  return undefined;
}

function descendants(path: string): number {
  return Number(/^nr_descendants (\d+)/m.exec(readText(`${path}/cgroup.stat`) ?? '')?.[1] ?? 0);
}
