/** Who runs tsbox, as far as the ids of boxes depend on it: user_namespaces(7), subuid(5). */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Host } from '../plan/host.ts';
import { type CallerIds, type MapPrograms, plainRoot } from '../spec/caller-ids.ts';
import type { SubordinateIds } from '../spec/id-range.ts';
import type { IdMapping } from '../spec/spec.ts';
import { findProgram } from './find-program.ts';

export function readCallerIds(): CallerIds {
  const caller = readCaller();
  switch (caller.kind) {
    case 'root':
      return plainRoot;
    case 'nested root':
      return {
        ...plainRoot,
        ...caller,
        available: {
          uid: identityMap('/proc/self/uid_map'),
          gid: identityMap('/proc/self/gid_map'),
        },
      };
    case 'user':
      return {
        ...plainRoot,
        ...caller,
        ...readSubordinateIds(),
        name: loginName(),
      };
  }
}

export function readCaller(): Host['caller'] {
  const [uid = 0, gid = 0] = [process.geteuid?.(), process.getegid?.()];
  const mapPrograms = uid === 0 ? undefined : findMapPrograms();
  if (isInitialUserNamespace())
    return { kind: uid === 0 ? 'root' : 'user', uid, gid, keepsGroups: false, mapPrograms };
  const keepsGroups = readOrEmpty('/proc/self/setgroups').startsWith('deny');
  return { kind: uid === 0 ? 'nested root' : 'user', uid, gid, keepsGroups, mapPrograms };
}

function findMapPrograms(): MapPrograms | undefined {
  const [uid, gid] = [findProgram('newuidmap'), findProgram('newgidmap')];
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** Texts of /etc/subuid and /etc/subgid; empty where they are not there. */
export function readSubordinateIds(): SubordinateIds {
  return { subuid: readOrEmpty('/etc/subuid'), subgid: readOrEmpty('/etc/subgid') };
}

/** Whether the kernel, or an administrator, has none for anybody: not where boxes have used them up. */
export function hasNoUserNamespaces(): boolean {
  return (
    !existsSync('/proc/self/ns/user') ||
    readOrEmpty('/proc/sys/user/max_user_namespaces').trim() === '0'
  );
}

/** Whether that is what a file is shown to belong to whose owner this user namespace has no id for. */
export function isUnmappedOwner(uid: number): boolean {
  if (isInitialUserNamespace()) return false;
  return uid === Number(readOrEmpty('/proc/sys/kernel/overflowuid'));
}

/** What the user namespace around this one has for the id; the same in the initial one. */
export function outerUid(uid: number): number {
  for (const line of mapLines('/proc/self/uid_map')) {
    const [inside = 0, outside = 0, size = 0] = line;
    if (uid >= inside && uid - inside < size) return outside + uid - inside;
  }
  return uid;
}

/** The inode of that namespace is the same on every kernel: PROC_USER_INIT_INO. */
export function isInitialUserNamespace(): boolean {
  return readlinkSync('/proc/self/ns/user') === 'user:[4026531837]';
}

/** undefined for a user that the host has no name for. */
export function loginName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** The ids that this user namespace has, each for itself. */
function identityMap(path: string): IdMapping[] {
  return mapLines(path).map(([inside = 0, , size = 0]) => ({
    containerID: inside,
    hostID: inside,
    size,
  }));
}

function mapLines(path: string): number[][] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
