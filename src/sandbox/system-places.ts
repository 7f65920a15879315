/** What any program of the host's needs in its jail to be loaded. */
import { lstatSync, readlinkSync } from 'node:fs';
import type { JailPlace } from '../plan/jail.ts';

/** Programs, libraries and firmware, which everybody on the host may read: hier(7). */
export function systemPlaces(): JailPlace[] {
  return [
    ...['usr', 'lib', 'lib64'].flatMap(hostDirectory),
    { kind: 'directory', path: 'etc' },
    ...hostFile('etc/ld.so.cache'),
  ];
}

function hostDirectory(path: string): JailPlace[] {
  const source = `/${path}`;
  const facts = lstatSync(source, { throwIfNoEntry: false });
  if (facts === undefined) return [];
  if (facts.isSymbolicLink()) return [{ kind: 'link', path, target: readlinkSync(source) }];
  return [{ kind: 'host directory', path, source, access: 'read-only' }];
}

function hostFile(path: string): JailPlace[] {
  const source = `/${path}`;
  if (lstatSync(source, { throwIfNoEntry: false })?.isFile() !== true) return [];
  return [{ kind: 'host file', path, source, access: 'read-only' }];
}
