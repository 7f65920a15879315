/** What a tree of files was when it was looked at: two trees with the same fingerprint hold the same. */
import { createHash, type Hash } from 'node:crypto';
import { accessSync, constants, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The kernel alone sets the time of a file's last change (inode(7), ctime), and does with every change of
 * its content, owner or mode. Names are read as bytes: a tree may have any.
 * @returns undefined where the tree is not all on one file system, or is not the caller's to read.
 */
export function fingerprintOf(root: string): string | undefined {
  const hash = createHash('sha256');
  const { dev } = lstatSync(root, { bigint: true });
  hash.update(`${root}\0${dev}`);
  return addTree(hash, Buffer.from(root), dev) ? hash.digest('hex') : undefined;
}

function addTree(hash: Hash, directory: Buffer, device: bigint): boolean {
  const names = allowed(() => readdirSync(directory, { encoding: 'buffer' }));
  if (names === undefined) return false;
  const below: Buffer[] = [];
  for (const name of names) {
    const path = Buffer.concat([directory, SLASH, name]);
    const facts = allowed(() => lstatSync(path, { bigint: true }));
    if (facts?.dev !== device) return false;
    const { mode, uid, gid, size, ino, rdev, ctimeNs } = facts;
    hash.update(name);
    hash.update(`\0${mode},${uid},${gid},${size},${ino},${rdev},${ctimeNs};`);
    if (facts.isDirectory()) below.push(path);
  }
  hash.update('/');
  return below.every((path) => addTree(hash, path, device));
}

const SLASH = Buffer.from('/');

/** undefined where the caller may not. */
function allowed<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    return undefined;
  }
}

/** A file or directory of the tree that the caller may not read; undefined where there is none. */
export function unreadableIn(root: string): string | undefined {
  const names = allowed(() => readdirSync(root));
  if (names === undefined) return root;
  for (const name of names) {
    const path = join(root, name);
    const facts = allowed(() => lstatSync(path));
    if (facts === undefined) return path;
    const found = facts.isDirectory() ? unreadableIn(path) : undefined;
    if (found !== undefined) return found;
    if (facts.isFile() && allowed(() => accessSync(path, constants.R_OK) ?? true) === undefined)
      return path;
  }
  return undefined;
}
