/** Where images are, and which directory a word on the command line means. */
import { closeSync, fstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openInside, openRoot } from '../linux/inside.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { ImageFacts } from '../spec/run-options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Images, kernels and templates live here; TSBOX_DATA names another place. */
export function dataDirectory(env: Environment, uid: number): string {
  if (env.TSBOX_DATA) return resolve(env.TSBOX_DATA);
  if (uid === 0) return '/var/lib/tsbox';
  // The XDG Base Directory Specification: a relative path is invalid and to be ignored.
  if (env.XDG_DATA_HOME?.startsWith('/')) return join(env.XDG_DATA_HOME, 'tsbox');
  return join(env.HOME ?? '/', '.local/share/tsbox');
}

const imageName = /^[a-z0-9][a-z0-9._-]*$/;

/**
 * The root file system that IMAGE means: a word with a slash, or a dot in front, is a directory,
 * any other the name of an image.
 * @throws BoxError
 */
export function findImage(word: string, data: string, cwd: string): string {
  if (word.includes('/') || word.startsWith('.')) return findRootfs(word, cwd);
  if (!imageName.test(word)) {
    throw new BoxError(
      `image ${JSON.stringify(word)}: not a name: lower-case letters, digits, dots, hyphens and underscores are allowed; a directory needs a slash, as in ./${word}`,
    );
  }
  const directory = join(data, 'images', word);
  if (isDirectory(directory)) return realpathSync.native(directory);
  throw new BoxError(`no image ${word}: ${available(data)}`);
}

/** The directory of `--rootfs DIR`, absolute and without links. @throws BoxError */
export function findRootfs(directory: string, cwd: string): string {
  if (directory === '') throw new BoxError('--rootfs: no directory is named: . is the current one');
  const path = resolve(cwd, directory);
  if (isDirectory(path)) return realpathSync.native(path);
  throw new BoxError(
    `no root file system ${directory}: ${path} is not a directory that you can read`,
  );
}

export function listImages(data: string): string[] {
  try {
    return readdirSync(join(data, 'images'))
      .filter((name) => imageName.test(name))
      .sort();
  } catch {
    return [];
  }
}

function available(data: string): string {
  const names = listImages(data);
  const there = names.length === 0 ? 'none yet' : names.join(', ');
  return `images in ${join(data, 'images')}: ${there}; \`npm run setup\` builds busybox there, and a directory can be given as ./DIR`;
}

/** Reads what a specification needs to know. */
export function imageFacts(rootfs: string): ImageFacts {
  const root = openRoot(rootfs);
  try {
    return {
      rootfs,
      passwd: readInside(root, 'etc/passwd'),
      group: readInside(root, 'etc/group'),
    };
  } finally {
    closeSync(root);
  }
}

/** A hostile image could make the reader run out of memory. */
const MAX_TEXT = 4 * 2 ** 20;

/** A small regular file of the image; empty when there is none. */
function readInside(root: number, path: string): string {
  let fd: number;
  try {
    fd = openInside(root, path);
  } catch {
    return '';
  }
  try {
    const facts = fstatSync(fd);
    return facts.isFile() && facts.size <= MAX_TEXT ? readFileSync(fd, 'utf8') : '';
  } finally {
    closeSync(fd);
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
