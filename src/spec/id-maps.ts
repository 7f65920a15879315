/**
 * Which ids a box has and which ids of the host stand behind them: `--userns`, `--uidmap` and
 * `--gidmap`, podman's words. user_namespaces(7) says who may map what.
 */
import { type BoxIds, hostIds } from './box.ts';
import type { CallerIds } from './caller-ids.ts';
import { SpecError } from './errors.ts';
import { parseIdMap, through } from './id-map-words.ts';
import { rangesOf } from './id-range.ts';
import type { RunOptions } from './run-options.ts';
import type { IdMapping } from './spec.ts';
import type { IdMaps } from './user-namespace.ts';
import { parseId } from './users.ts';

type Words = Pick<RunOptions, 'userns' | 'uidmap' | 'gidmap'>;

/** @throws SpecError */
export function idMaps(words: Words, caller: CallerIds): BoxIds {
  const { userns, uidmap, gidmap } = words;
  if (uidmap.length > 0 || gidmap.length > 0) {
    if (userns !== undefined)
      throw new SpecError([
        `--userns ${userns}: not together with --uidmap or --gidmap, which say the same in detail: leave one of them out`,
      ]);
    return asWritten(uidmap, gidmap, caller);
  }
  const [mode = '', ...rest] = userns?.split(':') ?? ['default'];
  const options = rest.join(':');
  if (mode === 'keep-id') return keepId(userns ?? '', options, caller);
  if (options !== '') throw refused(mode, userns ?? '');
  switch (mode) {
    case 'default':
      return byDefault(caller);
    case 'host':
      return caller.kind === 'user' ? byDefault(caller) : hostIds;
    case 'auto':
      if (caller.kind === 'root') return { ...hostIds, own: 'required', asked: true };
      throw new SpecError([
        '--userns auto: only root has ids to give to each box: leave it out, and the box gets your own ids, which are not root’s',
      ]);
    case 'nomap':
      return withoutOwn(caller);
    default:
      throw refused(mode, userns ?? '');
  }
}

function refused(mode: string, userns: string): SpecError {
  if (mode === 'container' || mode === 'ns')
    return new SpecError([
      `--userns ${userns}: tsbox makes the user namespace of a box itself; what joins another box by --pid, --ipc or --network has its ids`,
    ]);
  if (mode === 'auto')
    return new SpecError([
      `--userns ${userns}: auto gives each box 65536 ids, and takes no options; --uidmap and --gidmap say which in detail`,
    ]);
  return new SpecError([
    `--userns ${userns}: unknown mode; auto (ids that no other box has), host (none of its own), keep-id[:uid=UID,gid=GID] and nomap (for users other than root) are known`,
  ]);
}

function byDefault(caller: CallerIds): BoxIds {
  switch (caller.kind) {
    case 'root':
      return { ...hostIds, own: 'preferred' };
    case 'nested root':
      return { ...hostIds, ...caller.available };
    case 'user':
      return { ...hostIds, ...userIds(caller) };
  }
}

/** A user's own id is the box's root, and the subordinate ids are all others: as rootless podman has it. */
function userIds(caller: CallerIds): IdMaps {
  const { uid, gid } = subordinate(caller);
  return { uid: sequence([[caller.uid, 1], ...uid]), gid: sequence([[caller.gid, 1], ...gid]) };
}

type HostRange = readonly [start: number, count: number];

/**
 * Without newuidmap(1) nobody else's ids can be mapped, whatever the files say, and it does nothing
 * for those whom the host has no name for.
 */
function subordinate(caller: CallerIds): Record<'uid' | 'gid', HostRange[]> {
  const mine = (text: string): HostRange[] =>
    rangesOf(text, caller).map(({ start, count }) => [start, count]);
  const [uid, gid] = [mine(caller.subuid), mine(caller.subgid)];
  // One kind alone would leave a box with users but no groups for them.
  const possible = caller.mapPrograms !== undefined && caller.name !== undefined;
  const whole = possible && uid.length > 0 && gid.length > 0;
  return whole ? { uid, gid } : { uid: [], gid: [] };
}

/** Ids of the box from 0 on, one host range after the other. */
function sequence(ranges: readonly HostRange[]): IdMapping[] {
  let containerID = 0;
  return ranges.map(([hostID, size]) => {
    const mapping = { containerID, hostID, size };
    containerID += size;
    return mapping;
  });
}

function requireUser(word: string, caller: CallerIds): void {
  if (caller.kind === 'user') return;
  throw new SpecError([
    `--userns ${word}: for users other than root, whose own id the box then has: leave it out, or use auto`,
  ]);
}

function keepId(word: string, options: string, caller: CallerIds): BoxIds {
  requireUser(word, caller);
  const wanted = keepIdOptions(word, options, caller);
  const ids = userIds(caller);
  return {
    own: 'no',
    uid: keep(wanted.uid, ids.uid),
    gid: keep(wanted.gid, ids.gid),
    asked: true,
    user: `${wanted.uid}:${wanted.gid}`,
  };
}

function keepIdOptions(word: string, options: string, { uid, gid }: CallerIds) {
  const wanted = { uid, gid };
  for (const option of options === '' ? [] : options.split(',')) {
    const [, name, text = ''] = /^([ug]id)=(.*)$/.exec(option) ?? [];
    const id = parseId(text);
    if ((name !== 'uid' && name !== 'gid') || id === undefined)
      throw new SpecError([
        `--userns ${word}: ${JSON.stringify(option)} is not understood: uid=UID and gid=GID are, with a comma between them`,
      ]);
    wanted[name] = id;
  }
  return wanted;
}

/** The caller's own id at `id`, and the subordinate ones around it. */
function keep(id: number, map: readonly IdMapping[]): IdMapping[] {
  const others = map.reduce((sum, { size }) => sum + size, 0) - 1;
  const below = Math.min(id, others);
  const pieces = [
    { containerID: 0, hostID: 1, size: below },
    { containerID: id, hostID: 0, size: 1 },
    { containerID: id + 1, hostID: below + 1, size: others - below },
  ];
  return pieces.filter(({ size }) => size > 0).flatMap((piece) => through(piece, map) ?? []);
}

/** No id of the box is the caller's own. */
function withoutOwn(caller: CallerIds): BoxIds {
  requireUser('nomap', caller);
  const { uid, gid } = subordinate(caller);
  if (uid.length > 0) return { own: 'no', uid: sequence(uid), gid: sequence(gid), asked: true };
  throw new SpecError([
    `--userns nomap: there are no other ids than your own: ${howToGetIds(caller)}`,
  ]);
}

function asWritten(
  uidmap: readonly string[],
  gidmap: readonly string[],
  caller: CallerIds,
): BoxIds {
  // One of them stands for both, as with podman.
  const users = parseIdMap('--uidmap', uidmap.length > 0 ? uidmap : gidmap);
  const groups = parseIdMap('--gidmap', gidmap.length > 0 ? gidmap : uidmap);
  if (caller.kind === 'root') return { own: 'no', uid: users, gid: groups, asked: true };
  const ids = caller.kind === 'user' ? userIds(caller) : caller.available;
  const within = (map: readonly IdMapping[], own: readonly IdMapping[]) =>
    map.flatMap((piece) => {
      const host = through(piece, own);
      if (host !== undefined) return host;
      const { containerID, hostID, size } = piece;
      throw new SpecError([
        `--uidmap, --gidmap ${containerID}:${hostID}:${size}: there are not so many ids: 0 is your own, and those from 1 on are your subordinate ones: ${howToGetIds(caller)}`,
      ]);
    });
  return { own: 'no', uid: within(users, ids.uid), gid: within(groups, ids.gid), asked: true };
}

/** Why a user has one id alone, as it is, and what changes that. */
export function howToGetIds(caller: CallerIds): string {
  if (caller.kind !== 'user') return 'this user namespace has no more of them';
  const who = caller.name ?? String(caller.uid);
  const lacking = [
    ...(rangesOf(caller.subuid, caller).length > 0 ? [] : ['/etc/subuid']),
    ...(rangesOf(caller.subgid, caller).length > 0 ? [] : ['/etc/subgid']),
  ];
  if (lacking.length > 0)
    return `${lacking.join(' and ')} ${lacking.length > 1 ? 'have' : 'has'} no line for ${who}: as root, \`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${who}\` adds one`;
  if (caller.name === undefined)
    return `newuidmap(1), which maps them, does nothing for a user without an entry in /etc/passwd, such as ${caller.uid}`;
  if (caller.mapPrograms === undefined)
    return 'newuidmap and newgidmap, which map them, are in no directory of PATH: as root, `apt-get install uidmap` (elsewhere: shadow-utils) brings them';
  return '/etc/subuid and /etc/subgid say how many you have';
}
