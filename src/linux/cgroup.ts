/** Removes control groups: cgroups(7). */
import { rmdirSync, statSync } from 'node:fs';
import { depthFirst } from './depth-first.ts';

/**
 * Removes a cgroup, in which no process runs any more, and all below it; one that is not there is
 * no error.
 * @throws Error with code EBUSY when a process does run.
 */
export async function removeCgroupTree(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  // Two links of a directory are its own, and one is that of each below: inode(7).
  if (found.nlink > 2)
    await depthFirst(path, (below, entry) => (entry.isDirectory() ? removeOne(below) : undefined));
  await removeOne(path);
}

/** A cgroup is busy for a moment after the last of its processes was reaped: milliseconds, and how often. */
const PAUSE = 10;
const PATIENCE = 200;

async function removeOne(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === PATIENCE) throw error;
      await new Promise((settle) => setTimeout(settle, PAUSE));
    }
  }
}
