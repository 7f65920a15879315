/** Visits a tree from its leaves up, however deep it is. */
import { closeSync, constants, type Dirent, openSync, readdirSync } from 'node:fs';

/**
 * Goes down and up by descriptors, of which one is open at a time: who made the tree, perhaps a
 * hostile workload, chose how deep it is, and the way to a leaf can be longer than a path may be.
 * Follows no link, and nothing else may change the tree meanwhile.
 * @param visit called for each entry below `top`, of a directory's own after all below it, with a
 *   path that is good until it settles.
 * @param enter called before for each directory below `top`.
 */
export async function depthFirst(
  top: string,
  visit: (path: string, entry: Dirent) => Promise<void> | void,
  enter: (path: string) => void = () => undefined,
): Promise<void> {
  let here = openSync(top, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const pathOf = (name: string): string => `/proc/self/fd/${here}/${name}`;
  const go = (name: string): void => {
    const there = openSync(pathOf(name), constants.O_DIRECTORY | constants.O_NOFOLLOW);
    closeSync(here);
    here = there;
  };
  const entriesHere = (): Dirent[] => readdirSync(pathOf('.'), { withFileTypes: true });
  try {
    /** From `top` down to `here`: each directory, and what of it was not visited yet. */
    const way: { readonly self?: Dirent; readonly entries: Dirent[] }[] = [
      { entries: entriesHere() },
    ];
    for (let last = way.at(-1); last !== undefined; last = way.at(-1)) {
      const entry = last.entries.pop();
      if (entry?.isDirectory()) {
        enter(pathOf(entry.name));
        go(entry.name);
        way.push({ self: entry, entries: entriesHere() });
      } else if (entry !== undefined) {
        await visit(pathOf(entry.name), entry);
      } else {
        way.pop();
        if (last.self === undefined) continue;
        go('..');
        await visit(pathOf(last.self.name), last.self);
      }
    }
  } finally {
    closeSync(here);
  }
}
