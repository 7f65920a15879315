/** No more processes: RLIMIT_NPROC of getrlimit(2), and pids.max of the cgroups that tsbox is in. */
import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { cgroupMount, ownCgroup } from '../linux/cgroup-place.ts';
import { attempt } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';
import { readText, softLimit } from './status.ts';

export interface ProcessFacts {
  /** The user's soft limit. */
  readonly limit: number;
  /** Processes and threads of the user's, as far as they are to be seen. */
  readonly used: number;
  /** A cgroup that has as many as it may. */
  readonly full?: { readonly file: string; readonly limit: number } | undefined;
}

export const processes: Probe = {
  looksAt: 'a process alone, without namespaces, can be made',
  prove: async () => {
    const { end } = await attempt([]);
    return end === 'not cloned' ? judgeProcesses(processFacts()) : undefined;
  },
};

export function judgeProcesses({ limit, used, full }: ProcessFacts): Cause | undefined {
  const seen = 'not even a process without namespaces can be made';
  if (full !== undefined)
    return {
      sentence: `${seen}: ${full.file} is ${full.limit}, and as many are in that cgroup`,
      mend: `end some of them, or allow it more: echo max >${full.file}`,
    };
  if (used < limit) return undefined;
  return {
    sentence: `${seen}: this user may have ${limit} processes and threads (Max processes in /proc/self/limits), and has ${used}`,
    mend: 'end some of them, or allow more: ulimit -u',
  };
}

function processFacts(): ProcessFacts {
  const uid = process.getuid?.() ?? 0;
  const used = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && ownerOf(`/proc/${name}`) === uid)
    .map((name) => Number(/^Threads:\s+(\d+)/m.exec(readText(`/proc/${name}/status`) ?? '')?.[1]))
    .reduce((sum, threads) => sum + (threads || 0), 0);
  return { limit: softLimit('Max processes'), used, full: fullCgroup() };
}

function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}

/** pids.max counts for all cgroups below it. */
function fullCgroup(): ProcessFacts['full'] {
  const mount = cgroupMount();
  if (mount === undefined) return undefined;
  for (let path = ownCgroup(mount); path.startsWith(mount); path = dirname(path)) {
    const [limit, current] = ['max', 'current'].map((name) =>
      Number(readText(`${path}/pids.${name}`)?.trim() || Number.NaN),
    );
    if (limit !== undefined && current !== undefined && current >= limit)
      return { file: `${path}/pids.max`, limit };
  }
  return undefined;
}
