/** The initial root file system of a machine: its init, the plan with which it boots, and drivers. */
import { readFileSync } from 'node:fs';
import { readInit } from '../linux/native.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Host } from '../plan/host.ts';
import { stepsOf } from '../plan/step.ts';
import { cpioArchive, directoryEntry, fileEntry } from './cpio.ts';
import type { Guest } from './guest.ts';

/** In pieces. */
export function initialFileSystem(
  { machine, modules }: Pick<Guest, 'machine' | 'modules'>,
  arch: Host['arch'],
): Uint8Array[] {
  return cpioArchive([
    ...['dev', 'proc', 'run', 'modules'].map(directoryEntry),
    fileEntry('init', readInit(), 0o755),
    fileEntry('plan', encodePlan(stepsOf(machine), arch)),
    ...modules.map(({ name, path }) => fileEntry(`modules/${name}`, readFileSync(path))),
  ]);
}
