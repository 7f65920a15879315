/** The host's programs that a micro-VM needs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';

export interface Tools {
  readonly qemu: string;
  readonly virtiofsd: string;
}

const search = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/lib/qemu', '/usr/libexec'];

/** @throws BoxError that says which is missing and how to get it. */
export function findPrograms(): Tools {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  return {
    qemu: find(`qemu-system-${machine}`, 'qemu-system-x86'),
    virtiofsd: find('virtiofsd', 'qemu-system-common'),
  };
}

function find(name: string, debian: string): string {
  const path = search.map((directory) => join(directory, name)).find(existsSync);
  if (path !== undefined) return path;
  throw new BoxError(
    `${name} was not found in ${search.join(', ')}: --vm needs it: \`npm run setup\` installs it (Debian: ${debian})`,
  );
}
