/** The mounts that were asked for, in the order in which they can be attached. */
import type { ProblemList } from './errors.ts';
import { parseMount } from './mount-option.ts';
import { noOutside } from './outside.ts';
import type { Caller, RunOptions } from './run-options.ts';
import type { Mount } from './spec.ts';
import { parseTmpfs, parseVolume } from './volumes.ts';
import { volumesFrom } from './volumes-from.ts';

export function ownMounts(
  options: RunOptions,
  caller: Pick<Caller, 'cwd' | 'outside'>,
  problems: ProblemList,
): Mount[] {
  const { cwd } = caller;
  const read = (words: readonly string[], parse: (word: string) => Mount) =>
    words.flatMap((word) => problems.attempt(() => [parse(word)], []));
  const mounts = [
    ...read(options.tmpfs, parseTmpfs),
    ...read(options.volume, (word) => parseVolume(word, cwd)),
    ...read(options.mount, (word) => parseMount(word, caller)),
  ];
  for (const place of twice(mounts.map((mount) => mount.destination)))
    problems.add(
      `${place} is given twice by --volume, --tmpfs or --mount; one of them can be mounted there`,
    );
  const all = [...inheritedMounts(options.volumesFrom, caller, mounts, problems), ...mounts];
  // What is mounted in another mount comes after it, whichever flag came first.
  return all.toSorted((one, other) => depth(one) - depth(other));
}

/** In the place of one of its own a box has that; in that of several others', the last. */
function inheritedMounts(
  words: readonly string[],
  { outside = noOutside }: Pick<Caller, 'outside'>,
  own: readonly Mount[],
  problems: ProblemList,
): Mount[] {
  if (words.length === 0) return [];
  const each = words.flatMap((word) =>
    problems.attempt(() => volumesFrom(word, outside.findBox), []),
  );
  const taken = new Set(own.map(({ destination }) => destination));
  const last = new Map(each.map((mount) => [mount.destination, mount]));
  return [...last.values()].filter(({ destination }) => !taken.has(destination));
}

function twice(places: readonly string[]): Set<string> {
  return new Set(places.filter((path, index) => places.indexOf(path) !== index));
}

function depth({ destination }: Mount): number {
  return destination.split('/').length;
}
