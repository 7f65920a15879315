import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** bin/tsbox of this very installation, for commands that start tsbox as a user would. */
export function tsboxProgram(): string {
  return ownFile('bin/tsbox');
}

/** A file that comes with this very installation. */
export function ownFile(path: string): string {
  // The script is dist/tsbox.cjs, started by bin/tsbox beside dist.
  return resolve(realpathSync(process.argv[1] ?? ''), '../..', path);
}
