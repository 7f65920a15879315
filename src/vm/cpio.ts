/** Archives in the `newc` format of cpio(5): what Linux unpacks as its initial root file system. */

export interface CpioEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** File type and permissions, inode(7). */
  readonly mode: number;
  readonly content: Uint8Array;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since 1970. */
  readonly mtime?: number;
  /** Major and minor number of a device node. */
  readonly device?: readonly [number, number];
  /** Equal for names of the same file, of which the first has the content; unique otherwise. */
  readonly inode?: number;
}

const FILE = 0o100000;
const DIRECTORY = 0o040000;

export function directoryEntry(name: string): CpioEntry {
  return { name, mode: DIRECTORY | 0o755, content: new Uint8Array() };
}

export function fileEntry(name: string, content: Uint8Array, mode = 0o644): CpioEntry {
  return { name, mode: FILE | mode, content };
}

/** Inode numbers given here are above those of entries that have one. */
const FIRST_INODE = 2 ** 31;

/** The archive in pieces: to copy them together would take as long as to read all the files. */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array[] {
  const trailer = { name: 'TRAILER!!!', mode: 0, content: new Uint8Array() };
  return [...entries, trailer].flatMap(encode);
}

function encode(entry: CpioEntry, index: number): Uint8Array[] {
  const { name, mode, content, uid = 0, gid = 0, mtime = 0, device = [0, 0], inode } = entry;
  const links = inode === undefined ? 1 : 2;
  const path = `${name}\0`;
  const fields = [
    ...[inode ?? FIRST_INODE + index, mode, uid, gid, links, mtime, content.length],
    // Major and minor number of the device it lies on, and of the one it is; length, checksum.
    ...[0, 0, ...device, Buffer.byteLength(path), 0],
  ];
  const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const start = Buffer.from(`070701${header}${path}`);
  return [start, padding(start), content, padding(content)].filter(({ length }) => length > 0);
}

/** What follows the bytes, up to a multiple of 4. */
function padding({ length }: Uint8Array): Uint8Array {
  return zeros.subarray(0, -length & 3);
}

const zeros = new Uint8Array(3);
