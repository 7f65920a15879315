/** The host's programs that a micro-VM needs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';

const programs = ['/usr/local/bin', '/usr/bin', '/bin'];
/** virtiofsd is no program for users: distributions keep it apart. */
const helpers = ['/usr/lib/qemu', '/usr/libexec', ...programs];

/** @throws BoxError */
export function findQemu(): string {
  const [machine, debian] = process.arch === 'arm64' ? ['aarch64', 'arm'] : ['x86_64', 'x86'];
  return find(`qemu-system-${machine}`, programs, `qemu-system-${debian}`, '--vm');
}

/** @throws BoxError */
export function findVirtiofsd(): string {
  const users = '--vm with a volume, --writable or a large image';
  return find('virtiofsd', helpers, 'qemu-system-common', users);
}

function find(name: string, places: readonly string[], debian: string, user: string): string {
  const path = places.map((directory) => join(directory, name)).find(existsSync);
  if (path !== undefined) return path;
  throw new BoxError(
    `${name} was not found in ${places.join(', ')}: ${user} needs it: \`npm run setup\` installs it (Debian: ${debian})`,
  );
}
