/**
 * A small root file system as entries of the guest's initial one: nothing has to be served, and what
 * the workload writes is gone with the machine. The image is hostile and may be changing: every
 * entry is reached through the open descriptor of its directory and no link is followed.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { BoxError } from '../sandbox/errors.ts';
import type { Box } from '../spec/box.ts';
import type { CpioEntry } from './cpio.ts';
import { ARCHIVED_ROOT } from './guest.ts';
import { guestMemory } from './qemu/command-line.ts';

/** Larger ones start sooner when they are served: unpacking takes time, too. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_ENTRIES = 4000;

/** The archive, its unpacked files and the workload share the guest's memory. */
const MEMORY_SHARE = 8;

/**
 * @param caller whose own files are root's in the guest, where the caller is root.
 * @returns undefined for a root file system that is too large, or that the workload is to change.
 * @throws BoxError for a file that the caller may not read.
 */
export function archiveRoot(box: Omit<Box, 'id'>, caller: number): CpioEntry[] | undefined {
  return walkRoot(box, 'archived')?.map((entry) => ownedByRoot(entry, caller));
}

function ownedByRoot(entry: CpioEntry, caller: number): CpioEntry {
  return caller === 0 || entry.uid !== caller ? entry : { ...entry, uid: 0, gid: 0 };
}

/** Whether {@link archiveRoot} would archive it: what only root may read is left out of account. */
export function isArchived(box: Omit<Box, 'id'>): boolean {
  return walkRoot(box, 'measured') !== undefined;
}

function walkRoot(
  { spec, layer }: Omit<Box, 'id'>,
  purpose: Walk['purpose'],
): CpioEntry[] | undefined {
  if (layer === 'writable') return undefined;
  const bytes = Math.min(MAX_BYTES, guestMemory(spec.linux.resources) / MEMORY_SHARE);
  const walk: Walk = { purpose, bytes, entries: MAX_ENTRIES, archive: [], inodes: new Map() };
  return addBelow(walk, spec.root.path, ARCHIVED_ROOT) ? walk.archive : undefined;
}

/** What is still allowed, and what was found. */
interface Walk {
  readonly purpose: 'archived' | 'measured';
  bytes: number;
  entries: number;
  readonly archive: CpioEntry[];
  /** Numbers of the files with several names, by their device and inode. */
  readonly inodes: Map<string, number>;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const DIRECTORY_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
/** A FIFO must not block the reader. */
const FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Closes the directory. @returns whether the limits are kept. */
function addDirectory(walk: Walk, fd: number, name: string): boolean {
  try {
    walk.archive.push(describe(name, fstatSync(fd), new Uint8Array()));
    // An open directory's own path, which no renaming can turn elsewhere.
    const path = `/proc/self/fd/${fd}`;
    return readdirSync(path).every(
      // A name that is no UTF-8 cannot be opened by its text: such an image is served.
      (child) =>
        !child.includes('\ufffd') && addEntry(walk, `${path}/${child}`, `${name}/${child}`),
    );
  } finally {
    closeSync(fd);
  }
}

function addEntry(walk: Walk, path: string, name: string): boolean {
  const stats = allowed(walk, name, () => lstatSync(path));
  if (stats === undefined) return true;
  walk.entries -= 1;
  if (stats.isFile()) walk.bytes -= stats.size;
  if (walk.entries < 0 || walk.bytes < 0) return false;
  if (stats.isDirectory()) return addBelow(walk, path, name);
  // A socket means nothing without the process that made it.
  if (walk.purpose === 'measured' || stats.isSocket()) return true;
  const entry = allowed(walk, name, () => read(walk, path, name, stats));
  if (entry !== undefined) walk.archive.push(entry);
  return true;
}

function addBelow(walk: Walk, path: string, name: string): boolean {
  const fd = allowed(walk, name, () => openSync(path, DIRECTORY_FLAGS));
  return fd === undefined || addDirectory(walk, fd, name);
}

/**
 * @returns undefined where the caller may not, and the image is only measured.
 * @throws BoxError where it is archived.
 */
function allowed<T>({ purpose }: Walk, name: string, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    if (purpose === 'measured') return undefined;
    throw new BoxError(
      `the image's ${name.slice(ARCHIVED_ROOT.length) || '/'} is not for you to read: without root an image must be yours: copy it, or build it as you`,
      { cause: error },
    );
  }
}

function read(walk: Walk, path: string, name: string, stats: Stats): CpioEntry {
  if (stats.isSymbolicLink()) return describe(name, stats, readlinkSync(path, 'buffer'));
  if (!stats.isFile()) return describe(name, stats, new Uint8Array());
  const key = `${stats.dev}:${stats.ino}`;
  const inode = stats.nlink > 1 ? (walk.inodes.get(key) ?? walk.inodes.size + 1) : undefined;
  if (inode === undefined) return describe(name, stats, readRegular(path, stats.size));
  const content = walk.inodes.has(key) ? new Uint8Array() : readRegular(path, stats.size);
  walk.inodes.set(key, inode);
  return { ...describe(name, stats, content), inode };
}

/** @param size what was counted of it: it may be another file by now, and larger. */
function readRegular(path: string, size: number): Uint8Array {
  const fd = openSync(path, FILE_FLAGS);
  try {
    if (!fstatSync(fd).isFile()) return new Uint8Array();
    const bytes = Buffer.alloc(size);
    let used = 0;
    for (let got = -1; got !== 0 && used < size; used += got)
      got = readSync(fd, bytes, { offset: used });
    return bytes.subarray(0, used);
  } finally {
    closeSync(fd);
  }
}

function describe(name: string, stats: Stats, content: Uint8Array): CpioEntry {
  const { mode, uid, gid, rdev } = stats;
  // makedev(3), undone.
  const device = [(rdev >> 8) & 0xfff, (rdev & 0xff) | ((rdev >> 12) & 0xfff00)] as const;
  return { name, mode, content, uid, gid, mtime: Math.floor(stats.mtimeMs / 1000), device };
}
