/**
 * Whether nobody else can change what a path leads to: each name on the way, that of a link and those
 * that it leads through included, is in a directory that only root and this user may change. What
 * holds once holds from then on, so that paths are as good as descriptors below it.
 *
 * In a user namespace that has not the ids of the host's root, its directories belong to nobody, as do
 * those of other users: which of them may lie on the way to the caller's own is for the caller to say.
 */
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isUnmappedOwner } from '../linux/caller-ids.ts';

/** As the kernel has it: path_resolution(7). */
const MOST_LINKS = 40;

/**
 * @param path absolute.
 * @param own how many of its last names must not belong to nobody.
 * @returns whether something is there.
 * @throws Error that says whose the way is, or that it leads nowhere.
 */
export function requireOwnPath(path: string, own: number): boolean {
  const rest = wordsOf(path);
  /** How many of them a link has brought. */
  let brought = 0;
  let links = 0;
  let here = '/';
  checkName(here, lstatSync(here), true);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const byLink = brought > 0;
    brought = Math.max(0, brought - 1);
    const name = join(here, word);
    if (word === '..') {
      here = name;
      continue;
    }
    const facts = lstatSync(name, { throwIfNoEntry: false });
    if (facts === undefined && byLink)
      throw new Error(`a link leads to ${name}, which is not there`);
    if (facts === undefined) return false;
    checkName(name, facts, rest.length >= own);
    if (!facts.isSymbolicLink()) {
      here = name;
      continue;
    }
    if (++links > MOST_LINKS) throw new Error(`${name} leads through too many links`);
    const target = readlinkSync(name);
    if (target.startsWith('/')) here = '/';
    rest.unshift(...wordsOf(target));
    brought += wordsOf(target).length;
  }
  return true;
}

function wordsOf(path: string): string[] {
  return path.split('/').filter((word) => word !== '' && word !== '.');
}

function checkName(name: string, facts: Stats, mayBeNobodys: boolean): void {
  const own =
    facts.uid === 0 ||
    facts.uid === process.geteuid?.() ||
    (mayBeNobodys && isUnmappedOwner(facts.uid));
  // In a sticky directory nobody renames what is another's; the mode of a link says nothing.
  const open = (facts.mode & 0o22) !== 0 && (facts.mode & 0o1000) === 0 && !facts.isSymbolicLink();
  if (!own || open) throw new Error(`${name} ${own ? 'can be changed by' : 'belongs to'} others`);
}
