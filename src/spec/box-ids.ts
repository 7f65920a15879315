/**
 * The ids of a box, from all that was asked for. Ids of its own are the default where the caller may
 * give them, but some wishes mean something on the host's ids alone: they are not made useless.
 */
import type { BoxIds } from './box.ts';
import type { CallerIds } from './caller-ids.ts';
import { type ProblemList, SpecError } from './errors.ts';
import { isMapped } from './id-map-words.ts';
import { howToGetIds } from './id-maps.ts';
import { ID_RANGE_SIZE } from './id-range.ts';
import type { RunOptions } from './run-options.ts';
import type { Mount, Process } from './spec.ts';
import { parseId } from './users.ts';

/**
 * Capabilities that the kernel looks for in the initial user namespace alone, capabilities(7): in any
 * other they allow nothing, or nothing of what one adds them for.
 */
const hostCapabilities = new Set([
  'ALL',
  ...['AUDIT_CONTROL', 'AUDIT_READ', 'AUDIT_WRITE', 'BLOCK_SUSPEND', 'BPF', 'IPC_LOCK'],
  ...['LINUX_IMMUTABLE', 'MAC_ADMIN', 'MAC_OVERRIDE', 'PERFMON', 'SYSLOG', 'SYS_ADMIN'],
  ...['SYS_BOOT', 'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT', 'SYS_RAWIO', 'SYS_RESOURCE'],
  ...['SYS_TIME', 'SYS_TTY_CONFIG', 'WAKE_ALARM'],
]);

type Wishes = Pick<
  RunOptions,
  'device' | 'capAdd' | 'oomScoreAdj' | 'user' | 'groupAdd' | 'network'
>;

/** Gives up ids of its own that were only preferred, where something else was asked for that needs the host's. */
export function unlessNeeded(ids: BoxIds, options: Wishes, mounts: readonly Mount[]): BoxIds {
  if (ids.own !== 'preferred') return ids;
  const needs = needOf(options, mounts);
  return needs === undefined
    ? ids
    : { ...ids, own: 'no', given: `root of this box is root of the host: ${needs}` };
}

/** What the image says of users and groups does not count: it could choose to be root of the host. */
function needOf(
  { device, capAdd, oomScoreAdj, user = '', groupAdd, network }: Wishes,
  mounts: readonly Mount[],
): string | undefined {
  const added = capAdd.flatMap((word) => word.split(',')).map(bareName);
  const power = added.find((name) => hostCapabilities.has(name));
  const far = [...user.split(':'), ...groupAdd]
    .map((word) => parseId(word) ?? 0)
    .find((id) => id >= ID_RANGE_SIZE);
  if (device.length > 0) return '--device: only the host’s root has the rights of its devices';
  if (power !== undefined) return `--cap-add ${power}: it means nothing to any other`;
  if (oomScoreAdj?.startsWith('-')) return `--oom-score-adj ${oomScoreAdj}: no other may lower it`;
  if (network === 'host') return '--network host: only the host’s root has power over its network';
  if (far !== undefined)
    return `id ${far} is above those of its own, which end at ${ID_RANGE_SIZE - 1}`;
  return mounts.some(({ options }) => options.some((word) => /^r?(shared|slave)$/.test(word)))
    ? 'slave and shared volumes: what is mounted later has the owners that it has on the host'
    : undefined;
}

/** Whoever asks for a mapped volume asks for the user namespace that it is mapped by. @throws SpecError */
export function withMappedVolumes(
  ids: BoxIds,
  mounts: readonly Mount[],
  caller: CallerIds,
): BoxIds {
  if (!mounts.some(({ options }) => options.includes('idmap'))) return ids;
  if (caller.kind !== 'root')
    throw new SpecError([
      'idmap: only root of the host can map the owners of files: leave it out; your own files belong to root of the box anyway',
    ]);
  if (ids.own !== 'no' || ids.uid.length > 0)
    return { ...ids, own: ids.own === 'no' ? 'no' : 'required', asked: true };
  const why = ids.given === undefined ? 'give no --userns=host' : ids.given;
  throw new SpecError([
    `idmap: without a user namespace the ids in the box are the host’s: ${why}, or leave idmap out`,
  ]);
}

function bareName(word: string): string {
  return word.toUpperCase().replace(/^CAP_/, '');
}

/**
 * Reports who is asked for and not there: inside the namespace an id without a mapping can't be
 * taken (setresuid(2), EINVAL).
 * @returns the user without those groups of the image that the box does not have.
 */
export function checkMapped(
  ids: BoxIds,
  user: Process['user'],
  asked: Pick<RunOptions, 'user' | 'groupAdd'>,
  caller: CallerIds,
  problems: ProblemList,
): Process['user'] {
  const own = [{ containerID: 0, hostID: 0, size: ID_RANGE_SIZE }];
  const [uid, gid] = ids.own === 'no' ? [ids.uid, ids.gid] : [own, own];
  const why = ids.own === 'no' ? howToGetIds(caller) : `they end at ${ID_RANGE_SIZE - 1}`;
  const missing = (flag: string, kind: 'user' | 'group', id: number) =>
    problems.add(`${flag}: the box has no ${kind} with id ${id}: ${why}`);
  if (!isMapped(uid, user.uid)) missing(`--user ${asked.user ?? '0'}`, 'user', user.uid);
  else if (!isMapped(gid, user.gid)) missing(`--user ${asked.user ?? '0'}`, 'group', user.gid);
  const outside = user.additionalGids.find((id) => !isMapped(gid, id));
  if (outside === undefined) return user;
  if (asked.groupAdd.length > 0)
    missing(`--group-add ${asked.groupAdd.join(', ')}`, 'group', outside);
  return { ...user, additionalGids: user.additionalGids.filter((id) => isMapped(gid, id)) };
}
