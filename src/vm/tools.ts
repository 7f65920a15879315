/** The host's programs that a micro-VM needs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';

export interface Tool {
  readonly name: string;
  /** Directories in which it is looked for. */
  readonly places: readonly string[];
  /** What cannot be had without it. */
  readonly users: string;
  /** How Debian's packages bring it. */
  readonly mend: string;
}

const programs = ['/usr/local/bin', '/usr/bin', '/bin'];
const [machine, debian] = process.arch === 'arm64' ? ['aarch64', 'arm'] : ['x86_64', 'x86'];

export const qemu: Tool = {
  name: `qemu-system-${machine}`,
  places: programs,
  users: '--vm',
  mend: `as root: apt-get install --no-install-recommends qemu-system-${debian}`,
};

/** No program for users: distributions keep it apart. */
export const virtiofsd: Tool = {
  name: 'virtiofsd',
  places: ['/usr/lib/qemu', '/usr/libexec', ...programs],
  users: '--vm with a volume, --writable or a large image',
  mend: 'as root: apt-get install qemu-system-common (Debian 12) or virtiofsd (Debian 13)',
};

/** @returns its path; undefined where it is not installed. */
export function locate({ name, places }: Tool): string | undefined {
  return places.map((directory) => join(directory, name)).find((path) => existsSync(path));
}

/** @throws BoxError */
export function find(tool: Tool): string {
  const path = locate(tool);
  if (path !== undefined) return path;
  const { name, places, users, mend } = tool;
  throw new BoxError(`${name} was not found in ${places.join(', ')}: ${users} needs it: ${mend}`);
}
