/** Where images are, and which directory a word on the command line means. */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
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
  return {
    rootfs,
    passwd: readInside(rootfs, 'etc/passwd'),
    group: readInside(rootfs, 'etc/group'),
  };
}

/** A hostile image could make the reader run out of memory. */
const MAX_TEXT = 4 * 2 ** 20;

/**
 * A small regular file of the image; empty when there is none. An image's link must not lead to the
 * host's file, nor its FIFO block the reader.
 */
function readInside(rootfs: string, path: string): string {
  try {
    const real = realpathSync.native(join(rootfs, path));
    if (!real.startsWith(rootfs === '/' ? '/' : `${rootfs}/`)) return '';
    const fd = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const facts = fstatSync(fd);
      return facts.isFile() && facts.size <= MAX_TEXT ? readFileSync(fd, 'utf8') : '';
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
