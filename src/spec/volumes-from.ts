/** `--volumes-from ID[:OPTION,…]`: what a running box was given of the host (podman-run(1)). */
import { SpecError } from './errors.ts';
import type { OtherBox } from './outside.ts';
import type { Mount } from './spec.ts';
import { volumeOptions } from './volume-options.ts';

/** @throws SpecError */
export function volumesFrom(
  word: string,
  find: (what: string, word: string) => OtherBox,
): readonly Mount[] {
  const what = `--volumes-from ${word}`;
  const colon = word.indexOf(':');
  const [id, options] =
    colon < 0 ? [word, []] : [word.slice(0, colon), word.slice(colon + 1).split(',')];
  const odd = options.find((option) => !['ro', 'rw', 'z'].includes(option));
  if (id === '' || odd !== undefined)
    throw new SpecError([`${what}: not of the form ID[:ro|rw], such as 0123456789ab:ro`]);
  // Contradictions, and z, have the same reasons as for a volume.
  volumeOptions(what, options);
  return find(what, id).volumes.map((mount) => ({
    ...mount,
    options: withAccess(mount.options, options),
  }));
}

/** Whose owners they seem to have is each box's own affair. */
function withAccess(words: readonly string[], options: readonly string[]): string[] {
  const kept = words.filter((word) => word !== 'idmap');
  const changeable = kept.filter((word) => !['ro', 'rro'].includes(word));
  if (options.includes('rw')) return changeable;
  if (!options.includes('ro')) return kept;
  return [...changeable, changeable.includes('rbind') ? 'rro' : 'ro'];
}
