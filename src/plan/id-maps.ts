/**
 * Who writes the id maps of a box's user namespace, and how (user_namespaces(7), "Defining user and
 * group ID mappings"). Root writes any; a user may write one line that maps the id it has, once groups
 * can no longer be dropped; what /etc/subuid gives beyond that is written by newuidmap(1).
 */
import type { Box } from '../spec/box.ts';
import type { IdMapping } from '../spec/spec.ts';
import { type HostAction, PID } from './action.ts';
import type { Host } from './host.ts';

/** By the parent, while the child waits. */
export function mapIds(box: Box, host: Pick<Host, 'caller'>): HostAction[] {
  const { uidMappings, gidMappings } = box.spec.linux;
  if (uidMappings.length === 0) return [];
  const { caller } = host;
  return [
    ...(mapsOwnGroup(box, host) ? [denyGroups()] : []),
    mapKind('uid', uidMappings, caller),
    mapKind('gid', gidMappings, caller),
  ];
}

/** Whether setgroups(2) is refused in the box. */
export function keepsGroups(box: Box, host: Pick<Host, 'caller'>): boolean {
  return host.caller.keepsGroups || mapsOwnGroup(box, host);
}

/** A caller without privileges may map its group only once no group can be dropped. */
function mapsOwnGroup({ spec }: Box, { caller }: Pick<Host, 'caller'>): boolean {
  return caller.kind === 'user' && isOwn(spec.linux.gidMappings, caller.gid);
}

/** One map for each kind, of the caller's own ids and no others. */
export function mapOwnIds(
  uid: Pick<IdMapping, 'containerID' | 'hostID'>,
  gid: Pick<IdMapping, 'containerID' | 'hostID'>,
): HostAction[] {
  return [
    denyGroups(),
    writeMap('uid', [{ ...uid, size: 1 }]),
    writeMap('gid', [{ ...gid, size: 1 }]),
  ];
}

function isOwn(map: readonly IdMapping[], id: number): boolean {
  const [only, ...others] = map;
  return others.length === 0 && only?.size === 1 && only.hostID === id;
}

function denyGroups(): HostAction {
  return {
    call: 'write',
    path: `/proc/${PID}/setgroups`,
    data: 'deny',
    why: 'without which a user may map no group',
  };
}

/** They ask the host's databases of users, which may be on another machine and out of reach. */
const PATIENCE_SECONDS = 30;

const reasons = {
  uid: 'users of the box stand for these on the host',
  gid: 'and its groups for these',
} as const;

function mapKind(
  kind: 'uid' | 'gid',
  map: readonly IdMapping[],
  caller: Host['caller'],
): HostAction {
  if (caller.kind !== 'user' || isOwn(map, caller[kind])) return writeMap(kind, map);
  const program = caller.mapPrograms?.[kind] ?? `new${kind}map`;
  const words = map.flatMap((range) => [range.containerID, range.hostID, range.size]).map(String);
  return {
    call: 'execute',
    argv: [program, PID, ...words],
    seconds: PATIENCE_SECONDS,
    why: reasons[kind],
    hint: `it may map what /etc/sub${kind} gives to you: compare the two`,
  };
}

function writeMap(kind: 'uid' | 'gid', map: readonly IdMapping[]): HostAction {
  const path = `/proc/${PID}/${kind}_map`;
  return { call: 'write', path, data: idMapText(map), why: reasons[kind] };
}

/** A line for each range. */
function idMapText(map: readonly IdMapping[]): string {
  return map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}
