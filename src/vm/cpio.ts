/** Archives in the `newc` format of cpio(5): what Linux unpacks as its initial root file system. */

export interface CpioEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** File type and permissions, inode(7). */
  readonly mode: number;
  readonly content: Uint8Array;
}

export function directoryEntry(name: string): CpioEntry {
  return { name, mode: 0o040755, content: new Uint8Array() };
}

export function fileEntry(name: string, content: Uint8Array, mode = 0o644): CpioEntry {
  return { name, mode: 0o100000 | mode, content };
}

export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const trailer = { name: 'TRAILER!!!', mode: 0, content: new Uint8Array() };
  return Buffer.concat([...entries, trailer].flatMap(encode));
}

function encode({ name, mode, content }: CpioEntry, index: number): Uint8Array[] {
  // inode, mode, uid, gid, links, mtime, size, device and its node's (major, minor), name, checksum
  const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.from(`${header}${name}\0`)), padded(content)];
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = -bytes.length & 3;
  return rest === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(rest)]);
}
