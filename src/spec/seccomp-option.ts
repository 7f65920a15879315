/** `--security-opt seccomp=FILE|unconfined`, and what a box gets without it. */
import { SpecError } from './errors.ts';
import type { Caller } from './run-options.ts';
import type { Seccomp } from './seccomp.ts';
import { readProfile } from './seccomp-file.ts';

const NAME = 'seccomp';
const UNCONFINED = 'unconfined';

/** The file that the words name, the last of them if there are several; it is the caller's to read. */
export function seccompFile(words: readonly string[]): string | undefined {
  const value = words.findLast((word) => word.startsWith(`${NAME}=`))?.slice(NAME.length + 1);
  return value === '' || value === UNCONFINED ? undefined : value;
}

/**
 * @param file `unconfined`, or the name of the file that was read; absent without the option.
 * @param capabilities of the box's bounding set.
 * @throws SpecError
 */
export function seccompOf(
  file: string | undefined,
  read: Caller['seccomp'],
  capabilities: readonly string[],
): Seccomp | 'default' | undefined {
  if (file === undefined) return 'default';
  if (file === UNCONFINED) return undefined;
  const name = `--security-opt seccomp=${file}`;
  if (read === undefined) throw new SpecError([`${name}: the profile was not read`]);
  return readProfile(read.text, name, { ...read, capabilities });
}
