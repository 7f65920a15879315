/** Programs of the host's, as the shell of the caller finds them: execvp(3). */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/**
 * The first in a directory of PATH. What it finds runs with the rights of the caller, whose PATH it
 * is, or with those that its own file gives it: a PATH that leads elsewhere gains nobody anything.
 * @returns an absolute path; undefined where there is none.
 */
export function findProgram(
  name: string,
  { PATH = '/bin:/usr/bin' } = process.env,
): string | undefined {
  const absolute = PATH.split(':').filter((place) => place.startsWith('/'));
  return absolute.map((place) => join(place, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
