/** Archives in the `newc` format of cpio(5): what Linux unpacks as its initial root file system. */

export interface CpioEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** File type and permissions, inode(7). */
  readonly mode: number;
  readonly content: Uint8Array;
}

const FILE = 0o100000;
const DIRECTORY = 0o040000;

export function directoryEntry(name: string): CpioEntry {
  return { name, mode: DIRECTORY | 0o755, content: new Uint8Array() };
}

export function fileEntry(name: string, content: Uint8Array, mode = 0o644): CpioEntry {
  return { name, mode: FILE | mode, content };
}

/** The archive in pieces: to copy them together would take as long as to read all the files. */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array[] {
  const trailer = { name: 'TRAILER!!!', mode: 0, content: new Uint8Array() };
  return [...entries, trailer].flatMap(encode);
}

function encode({ name, mode, content }: CpioEntry, index: number): Uint8Array[] {
  const path = `${name}\0`;
  // Inode, mode, owner, group, links, time, length; the numbers of devices, length of the name, checksum.
  const fields = [index + 1, mode, 0, 0, 1, 0, content.length];
  fields.push(0, 0, 0, 0, Buffer.byteLength(path), 0);
  const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const start = Buffer.from(`070701${header}${path}`);
  return [start, padding(start), content, padding(content)].filter(({ length }) => length > 0);
}

/** What follows the bytes, up to a multiple of 4. */
function padding({ length }: Uint8Array): Uint8Array {
  return zeros.subarray(0, -length & 3);
}

const zeros = new Uint8Array(3);
