/** Ids that cannot be mapped as tsbox's own user namespace does not have them: user_namespaces(7). */
import { basename } from 'node:path';
import type { Cause, Probe } from './cause.ts';
import { readText } from './status.ts';

export const ownIds: Probe = {
  concerns: ({ path = '' }) => /^\/proc\/.*\/[ug]id_map$/.test(path),
  looksAt: 'tsbox’s own user namespace has the ids (/proc/self/uid_map, gid_map)',
  prove: ({ path = '', data = '' }) => {
    const file = basename(path);
    return judgeOwnIds(file, data, readText(`/proc/self/${file}`) ?? '');
  },
};

/**
 * @param wanted lines of a map: first id of the box, first id outside, how many.
 * @param own that of the caller's own namespace.
 */
export function judgeOwnIds(file: string, wanted: string, own: string): Cause | undefined {
  const has = linesOf(own).map(([inside, , count]) => ({
    first: inside,
    last: inside + count - 1,
  }));
  const missing = linesOf(wanted)
    .map(([, outside, count]) => ({ first: outside, last: outside + count - 1 }))
    .find(({ first, last }) => !has.some((range) => range.first <= first && last <= range.last));
  if (missing === undefined) return undefined;
  return {
    sentence: `ids ${range(missing)} are not in tsbox’s own user namespace: it has ${has.map(range).join(', ') || 'none'} (/proc/self/${file})`,
    mend: 'run tsbox outside of that user namespace, or without --userns=auto',
  };
}

function range({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? String(first) : `${first} to ${last}`;
}

function linesOf(map: string): [number, number, number][] {
  return map
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
      return [inside, outside, count];
    });
}
