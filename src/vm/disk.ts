/** The image of a box as the disk of its machine: an erofs file system, made once and kept. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';
import { untilEnd } from '../sandbox/program.ts';
import { locate } from '../sandbox/tool.ts';
import type { BoxRequest } from '../spec/box.ts';
import { mkfsProgram } from './mkfs.ts';
import type { Premises } from './premises.ts';
import { type Setting, startProgram } from './program.ts';
import { discard, findKept, keep, makeRoom } from './store.ts';
import { mkfsErofs } from './tools.ts';
import { fingerprintOf, unreadableIn } from './tree.ts';

export interface Disk {
  readonly image: string;
  /** Of the image, as it is to be on the disk. */
  readonly fingerprint: string;
}

/** @returns undefined for an image that has to be shared: see RootTransport in guest.ts. */
export function diskOf({ spec, layer }: Pick<BoxRequest, 'spec' | 'layer'>): Disk | undefined {
  if (layer === 'writable' || locate(mkfsErofs) === undefined) return undefined;
  const image = spec.root.path;
  const fingerprint = fingerprintOf(image);
  return fingerprint === undefined ? undefined : { image, fingerprint };
}

export function diskName({ fingerprint }: Disk): string {
  return `disk-${fingerprint.slice(0, NAME_DIGITS)}`;
}

/** Hexadecimal: 128 bits, by which no two trees meet by chance. */
const NAME_DIGITS = 32;

/** How often an image may change while its disk is made. */
const ATTEMPTS = 3;

export interface Surroundings {
  /** Where disks are kept; undefined where they cannot be. */
  readonly store: string | undefined;
  readonly premises: Premises;
  readonly setting: Setting;
  readonly abort: AbortSignal | undefined;
}

/** @returns the file, and what it was made from. @throws BoxError */
export async function provideDisk(
  wanted: Disk,
  surroundings: Surroundings,
): Promise<{ readonly disk: Disk; readonly file: string }> {
  const { store, setting } = surroundings;
  if (store === undefined) {
    const file = join(setting.state.directory, FILE);
    await makeFileSystem(wanted.image, file, surroundings);
    return { disk: wanted, file };
  }
  let disk = wanted;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const name = diskName(disk);
    const kept = findKept(store, name);
    if (kept !== undefined) return { disk, file: join(kept, FILE) };
    const { image } = disk;
    const made = await keep(store, name, (directory) =>
      makeFileSystem(image, join(directory, FILE), surroundings),
    );
    makeRoom(store, name);
    const now = fingerprintOf(image);
    if (now === disk.fingerprint) return { disk, file: join(made, FILE) };
    discard(store, name);
    if (now !== undefined) disk = { image, fingerprint: now };
  }
  throw new BoxError(
    `the image ${wanted.image} changes all the time, and no disk can be made of it: stop what writes there, or use --writable, which shares the image itself`,
  );
}

const FILE = 'erofs';

/** @throws BoxError */
async function makeFileSystem(
  image: string,
  file: string,
  { premises, setting, abort }: Surroundings,
): Promise<void> {
  writeFileSync(file, '', { mode: 0o600 });
  const log = `${setting.log}.mkfs`;
  const running = await startProgram(mkfsProgram(premises, image, file), [], { ...setting, log });
  const { ended } = await untilEnd(running, { ...(abort && { abort }) });
  if (abort?.aborted) throw new BoxError('the micro-VM was ended while its disk was made');
  if (ended.how === 'exited' && ended.status === 0) return;
  const unreadable = unreadableIn(image);
  if (unreadable !== undefined)
    throw new BoxError(
      `the image's ${unreadable.slice(image.length) || '/'} is not for you to read: without root an image must be yours: copy it, or build it as you`,
    );
  throw new BoxError(
    `mkfs.erofs could not make a disk of the image ${image}: ${readFileSync(log, 'utf8').trim()}`,
  );
}
