/** Which of the host's ids stand behind those of a box in a user namespace (`--userns=auto`). */
import type { IdMapping } from './spec.ts';
import { MAX_ID, parseId } from './users.ts';

/** Ids in a box: 0 to 65535, what programs written for 16-bit ids expect. */
export const ID_RANGE_SIZE = 65_536;

/** Above what adduser(8) gives to people and useradd(8) to their first subordinate ranges. */
const DEFAULT_START = 524_288;

/** Names under which an administrator sets ids aside for containers, the nearer one first. */
const owners = ['tsbox', 'containers'];

/** @param text of subuid(5) or subgid(5): `NAME:START:COUNT` lines. */
export function pickIdRange(text: string): IdMapping {
  const ranges = text.split('\n').flatMap((line) => {
    const [owner = '', startText = '', countText = ''] = line.trim().split(':');
    const [start, count] = [parseId(startText), parseId(countText)];
    return start !== undefined && count !== undefined && fits(start, count)
      ? [{ owner, start }]
      : [];
  });
  const found = owners.flatMap((name) => ranges.find(({ owner }) => owner === name) ?? []);
  return { containerID: 0, hostID: found[0]?.start ?? DEFAULT_START, size: ID_RANGE_SIZE };
}

/** A range that starts at 0 would make the box's root the host's. */
function fits(start: number, count: number): boolean {
  return start > 0 && count >= ID_RANGE_SIZE && start + ID_RANGE_SIZE - 1 <= MAX_ID;
}
