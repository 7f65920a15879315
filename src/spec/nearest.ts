/** For a word that is not known: the known ones that it may have been meant for. */

/** @returns at most three, the most alike first; none where nothing is alike. */
export function nearest(word: string, known: readonly string[]): string[] {
  return known
    .map((name) => ({ name, changes: distance(word, name) }))
    .filter(({ name, changes }) => changes <= Math.max(2, name.length / 3))
    .toSorted((one, other) => one.changes - other.changes)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** How many letters must be put in, left out or changed to get from one word to the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 0; i < one.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < other.length; j++) {
      const change = (row[j] ?? 0) + (one[i] === other[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
