/** Which of the host's ids stand behind those of a box that has a range of its own (`--userns=auto`). */
import type { IdMapping } from './spec.ts';
import { MAX_ID, parseId } from './users.ts';

/** Ids in a box: 0 to 65535, what programs written for 16-bit ids expect. */
export const ID_RANGE_SIZE = 65_536;

/**
 * Ids that nobody gives away unasked, so that there is nobody to agree with. Below are those of people:
 * SSSD and FreeIPA number a domain's up to 2000200000; and systemd's for containers, up to 0x6fff_ffff.
 * Above are systemd's for images of others (its UIDS-GIDS.md), from 0x7ffe_0000 on, and from 2^31 on
 * what programs take for negative and FreeIPA for subordinate ids.
 */
const [FIRST, LAST] = [0x7739_0000, 0x7eff_ffff];
const [FIRST_OF_JAILS, LAST_OF_JAILS] = [0x7f00_0000, 0x7ffd_ffff];

/** Name under which an administrator sets ids aside; those of `containers` are podman's to give. */
const OWNER = 'tsbox';

/** Texts of /etc/subuid and /etc/subgid. */
export interface SubordinateIds {
  readonly subuid: string;
  readonly subgid: string;
}

/** A line of subuid(5) or subgid(5). */
export interface SubordinateRange {
  /** Login name or user id. */
  readonly owner: string;
  readonly start: number;
  readonly count: number;
}

/**
 * First ids of the ranges that boxes may have, in the order in which they are tried: those that were
 * set aside for tsbox, otherwise those that nobody else has.
 */
export function* idRanges({ subuid, subgid }: SubordinateIds): Generator<number> {
  const [users, groups] = [parseSubordinateIds(subuid), parseSubordinateIds(subgid)];
  if ([...users, ...groups].some(({ owner }) => owner === OWNER)) {
    yield* setAside(ownedBy(users, OWNER), ownedBy(groups, OWNER));
    return;
  }
  for (let start = FIRST; start + ID_RANGE_SIZE - 1 <= LAST; start += ID_RANGE_SIZE) {
    if (![...users, ...groups].some((range) => overlaps(range, start))) yield start;
  }
}

/** What is in one of the user ranges and in one of the group ranges. */
function* setAside(
  users: readonly SubordinateRange[],
  groups: readonly SubordinateRange[],
): Generator<number> {
  const given: SubordinateRange[] = [];
  for (const { owner, start: first, count } of users) {
    for (let start = first; start + ID_RANGE_SIZE <= first + count; start += ID_RANGE_SIZE) {
      // Two lines may overlap.
      if (given.some((range) => overlaps(range, start))) continue;
      if (!groups.some((range) => contains(range, start))) continue;
      given.push({ owner, start, count: ID_RANGE_SIZE });
      yield start;
    }
  }
}

function ownedBy(ranges: readonly SubordinateRange[], owner: string): SubordinateRange[] {
  return ranges.filter((range) => range.owner === owner);
}

/** What a user has been given: lines name it by its login name or its id. */
export function rangesOf(
  text: string,
  { name, uid }: { readonly name?: string | undefined; readonly uid: number },
): SubordinateRange[] {
  return parseSubordinateIds(text).filter(({ owner }) => owner === name || owner === String(uid));
}

function contains({ start, count }: SubordinateRange, first: number): boolean {
  return first >= start && first + ID_RANGE_SIZE <= start + count;
}

function overlaps({ start, count }: SubordinateRange, first: number): boolean {
  return first < start + count && start < first + ID_RANGE_SIZE;
}

/** Lines that are not whole are passed over; a range that holds root's own id would be no boundary. */
export function parseSubordinateIds(text: string): SubordinateRange[] {
  return text.split('\n').flatMap((line) => {
    const [owner = '', startText = '', countText = ''] = line.trim().split(':');
    const [start, count] = [parseId(startText), parseId(countText)];
    if (owner === '' || start === undefined || count === undefined) return [];
    return start > 0 && count > 0 && start + count - 1 <= MAX_ID ? [{ owner, start, count }] : [];
  });
}

/**
 * The one id that the jails of a micro-VM have instead of root's, and which no container has.
 * @param box its id, hexadecimal digits, by which it most likely is no other micro-VM's.
 */
export function jailId(box: string): number {
  const number = Number.parseInt(box, 16) || 0;
  return FIRST_OF_JAILS + (number % (LAST_OF_JAILS - FIRST_OF_JAILS + 1));
}

/** Ids of a box from 0 on, those of the host from `start` on behind them. */
export function ownRange(start: number): IdMapping {
  return { containerID: 0, hostID: start, size: ID_RANGE_SIZE };
}
