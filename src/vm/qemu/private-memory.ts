/**
 * How a machine maps a template's memory copy-on-write without QEMU ever opening the file for writing: a
 * guest that has taken over QEMU must not change what other machines start from.
 */
import { readOnlyRam } from '../../linux/native.ts';
import type { Jail } from '../../plan/jail.ts';
import type { MemoryFile } from './command-line.ts';
import type { Qemu } from './find.ts';

/** Where the file is in QEMU's jail; native/read-only-ram.c knows the name, too. */
export const MEMORY = '/memory';

interface PrivateMemory extends Required<Pick<Jail, 'places' | 'environment'>> {
  readonly memory: Pick<MemoryFile, 'toldReadOnly'>;
}

/** @returns what this takes in the QEMU's jail and on its command line. */
export function privateMemory({ features }: Pick<Qemu, 'features'>): PrivateMemory {
  const nothing = { places: [], environment: [] };
  if (features.includes('private-read-only'))
    return { memory: { toldReadOnly: false }, ...nothing };
  if (features.includes('rom=off')) return { memory: { toldReadOnly: true }, ...nothing };
  const path = 'read-only-ram.so';
  return {
    memory: { toldReadOnly: false },
    places: [{ kind: 'host file', path, source: readOnlyRam, access: 'read-only' }],
    environment: [`LD_PRELOAD=/${path}`],
  };
}
