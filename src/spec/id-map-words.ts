/** `--uidmap` and `--gidmap`: `CONTAINER:FROM[:AMOUNT]`, podman's form. */
import { SpecError } from './errors.ts';
import type { IdMapping } from './spec.ts';
import { MAX_ID, parseId } from './users.ts';

/** The most lines that the kernel takes, user_namespaces(7). */
const MOST_LINES = 340;

/** @throws SpecError */
export function parseIdMap(flag: string, words: readonly string[]): IdMapping[] {
  const map = words.map((word) => parseOne(flag, word));
  if (map.length > MOST_LINES)
    throw new SpecError([`${flag}: ${map.length} ranges; the kernel takes ${MOST_LINES} at most`]);
  const problems = (['containerID', 'hostID'] as const).flatMap((side) =>
    overlapping(flag, map, side),
  );
  if (problems.length > 0) throw new SpecError(problems);
  return map;
}

function parseOne(flag: string, word: string): IdMapping {
  const [containerText = '', hostText = '', sizeText = '1', ...rest] = word.split(':');
  const [containerID, hostID, size] = [containerText, hostText, sizeText].map(parseId);
  const whole = containerID !== undefined && hostID !== undefined && size !== undefined && size > 0;
  if (rest.length > 0 || !whole)
    throw new SpecError([
      `${flag} ${word}: not of the form CONTAINER:FROM[:AMOUNT], such as 0:100000:65536: ids of the box, ids behind them, how many`,
    ]);
  if (containerID + size - 1 > MAX_ID || hostID + size - 1 > MAX_ID)
    throw new SpecError([`${flag} ${word}: ends above ${MAX_ID}, the largest id`]);
  return { containerID, hostID, size };
}

/** Two ranges that share an id: EINVAL of the kernel, user_namespaces(7). */
function overlapping(
  flag: string,
  map: readonly IdMapping[],
  side: 'containerID' | 'hostID',
): string[] {
  const sorted = map.toSorted((one, other) => one[side] - other[side]);
  const second = sorted.find((range, index) => {
    const before = sorted[index - 1];
    return before !== undefined && before[side] + before.size > range[side];
  });
  if (second === undefined) return [];
  const what = side === 'containerID' ? 'of the box' : 'behind it';
  return [`${flag}: two ranges share id ${second[side]} ${what}; each may be in one of them`];
}

/**
 * A mapping whose `hostID` counts in the ids of another map's box, with those behind that instead.
 * @returns undefined where that map has no such ids.
 */
export function through(
  { containerID, hostID, size }: IdMapping,
  map: readonly IdMapping[],
): IdMapping[] | undefined {
  const pieces: IdMapping[] = [];
  for (let done = 0; done < size; ) {
    const id = hostID + done;
    const range = map.find((one) => id >= one.containerID && id < one.containerID + one.size);
    if (range === undefined) return undefined;
    const offset = id - range.containerID;
    const length = Math.min(size - done, range.size - offset);
    pieces.push({ containerID: containerID + done, hostID: range.hostID + offset, size: length });
    done += length;
  }
  return pieces;
}

/** Whether an id of the box has one behind it; every id has in a box without a user namespace. */
export function isMapped(map: readonly IdMapping[], id: number): boolean {
  if (map.length === 0) return true;
  return map.some((one) => id >= one.containerID && id < one.containerID + one.size);
}
