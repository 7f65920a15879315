/** `--group-add GROUP|GID`: supplementary groups beside those that the user has in the image. */
import { SpecError } from './errors.ts';
import { findGroup } from './users.ts';

/** NGROUPS_MAX, setgroups(2) */
export const MOST_GROUPS = 65_536;

export function tooManyGroups(count: number): string {
  return `${count} supplementary groups: the kernel takes ${MOST_GROUPS} at most`;
}

/**
 * @param group text of the image's group(5).
 * @throws SpecError
 */
export function parseGroupAdd(word: string, group: string): number {
  if (word === 'keep-groups')
    throw new SpecError([
      "--group-add keep-groups: the caller's groups on the host are not given to a box, as its files would be open to it; name the groups that it needs",
    ]);
  return findGroup(`--group-add ${word}`, word, group);
}
