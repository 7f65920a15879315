/**
 * What takes long to make and is kept for the next box: a directory for each, of the caller's alone,
 * under the name of what it was made from. Those that have not been used for the longest go when all of
 * them together have grown too large; whoever has one open keeps it.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../linux/lock.ts';
import { makeDirectory } from '../linux/make-directory.ts';
import { requireOwnPath } from '../sandbox/own-path.ts';

/** Bytes on the disk. */
const LIMIT = 4 * 2 ** 30;

/** Where they are in the data directory. */
export function storeIn(data: string): string {
  return join(data, 'templates');
}

/**
 * Makes the store, if it is not there.
 * @returns why nothing can be kept there; undefined where it can.
 */
export function whyNoStore(store: string): string | undefined {
  try {
    makeDirectory(store);
    // Whoever else could write there would choose what runs in the machines.
    requireOwnPath(store, 1);
    accessSync(store, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The directory of that name, from now on the one that was used last; undefined where there is none. */
export function findKept(store: string, name: string): string | undefined {
  const path = join(store, name);
  if (!existsSync(path)) return undefined;
  const now = new Date();
  utimesSync(path, now, now);
  return path;
}

/**
 * Makes it, unless somebody else has by the time that it is finished.
 * @param fill puts the files into the empty directory that it is given.
 * @throws Error where there is no room, and what `fill` throws; nothing is kept then.
 */
export async function keep(
  store: string,
  name: string,
  fill: (directory: string) => Promise<void>,
): Promise<string> {
  removeUnfinished(store);
  const made = mkdtempSync(join(store, UNFINISHED));
  const lock = openSync(made, 'r');
  try {
    tryLock(lock);
    await fill(made);
    return settle(made, join(store, name));
  } finally {
    rmSync(made, { recursive: true, force: true });
    closeSync(lock);
  }
}

const UNFINISHED = '.new-';

function settle(made: string, path: string): string {
  try {
    renameSync(made, path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOTEMPTY', 'EEXIST'].includes(code)) throw error;
  }
  return path;
}

export function discard(store: string, name: string): void {
  rmSync(join(store, name), { recursive: true, force: true });
}

/** What a killed tsbox has left: nobody holds the lock. */
function removeUnfinished(store: string): void {
  for (const name of readdirSync(store).filter((each) => each.startsWith(UNFINISHED))) {
    const path = join(store, name);
    const lock = openIfThere(path);
    if (lock === undefined) continue;
    if (tryLock(lock)) rmSync(path, { recursive: true, force: true });
    closeSync(lock);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

/** @param kept the name of the one that stays, however large it is. */
export function makeRoom(store: string, kept: string): void {
  const others = readdirSync(store)
    .filter((name) => !name.startsWith('.') && name !== kept)
    .map((name) => ({ name, ...usage(join(store, name)) }))
    .sort((one, other) => other.used - one.used);
  let room = LIMIT - usage(join(store, kept)).bytes;
  for (const { name, bytes } of others) {
    room -= bytes;
    if (room < 0) discard(store, name);
  }
}

interface Usage {
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly used: number;
}

/** Somebody may be removing it. */
function usage(path: string): Usage {
  try {
    const sizes = readdirSync(path).map((name) => lstatSync(join(path, name)).blocks * 512);
    return { bytes: sizes.reduce((sum, size) => sum + size, 0), used: statSync(path).mtimeMs };
  } catch {
    return { bytes: 0, used: 0 };
  }
}
