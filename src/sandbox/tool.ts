/** Programs of the host's that tsbox runs: where they are looked for, and what to do without them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from './errors.ts';

export interface Tool {
  readonly name: string;
  /** Directories in which it is looked for. */
  readonly places: readonly string[];
  /** What cannot be had without it. */
  readonly users: string;
  /** How Debian's packages bring it. */
  readonly mend: string;
}

/** Where programs for users are. */
export const programs = ['/usr/local/bin', '/usr/bin', '/bin'];

/** @returns its path; undefined where it is not installed. */
export function locate({ name, places }: Pick<Tool, 'name' | 'places'>): string | undefined {
  return places.map((directory) => join(directory, name)).find((path) => existsSync(path));
}

/** @throws BoxError */
export function find(tool: Tool): string {
  const path = locate(tool);
  if (path !== undefined) return path;
  const { name, places, users, mend } = tool;
  throw new BoxError(`${name} was not found in ${places.join(', ')}: ${users} needs it: ${mend}`);
}
