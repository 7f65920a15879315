/**
 * The ids of a box that shares the processes of another: the same, as it is by them that processes may
 * signal each other and read each other's files. No third box gets these ids while it runs: it ends when
 * the first process of the other one does, pid_namespaces(7).
 */
import { type BoxIds, hostIds } from './box.ts';
import type { OtherBox } from './outside.ts';
import type { RunOptions } from './run-options.ts';

type Words = Pick<RunOptions, 'userns' | 'uidmap' | 'gidmap'>;

/** @returns undefined where there is no such box, or where other ids are asked for. */
export function idsBeside(
  kin: OtherBox | undefined,
  { userns, uidmap, gidmap }: Words,
): BoxIds | undefined {
  if (kin === undefined) return undefined;
  if (userns !== undefined || uidmap.length > 0 || gidmap.length > 0) return undefined;
  if (kin.uidMappings.length > 0)
    return { ...hostIds, uid: kin.uidMappings, gid: kin.gidMappings, asked: true };
  const given = `root of this box is root of the host, as it is in box ${kin.id}`;
  return { ...hostIds, asked: true, given };
}
