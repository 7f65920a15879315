/** `--volume SRC:DST[:OPTION,…]` and `--tmpfs DST[:OPTION,…]` as mounts. */
import { posix } from 'node:path';
import { SpecError } from './errors.ts';
import type { Mount } from './spec.ts';
import { withWord } from './tmpfs-words.ts';
import { volumeOptions } from './volume-options.ts';

/** @param cwd the caller's, from which a relative source starts. @throws SpecError */
export function parseVolume(value: string, cwd: string): Mount {
  const what = `--volume ${value}`;
  const [source = '', target, options, ...rest] = value.split(':');
  if (source === '' || target === undefined || rest.length > 0) {
    throw new SpecError([`${what}: not of the form SRC:DST[:OPTION,…], such as ./data:/data:ro`]);
  }
  return {
    destination: destination('--volume', value, target),
    type: 'bind',
    source: posix.resolve(cwd, source),
    options: volumeOptions(what, options === undefined ? [] : options.split(',')),
  };
}

const tmpfsDefaults = ['nosuid', 'noexec', 'nodev', 'mode=1777'];

/** @throws SpecError */
export function parseTmpfs(value: string): Mount {
  const colon = value.indexOf(':');
  const target = colon < 0 ? value : value.slice(0, colon);
  const words = colon < 0 ? [] : value.slice(colon + 1).split(',');
  return tmpfsMount('--tmpfs', value, target, words);
}

/** @param flag which has this value. @throws SpecError */
export function tmpfsMount(
  flag: string,
  value: string,
  target: string,
  words: readonly string[],
): Mount {
  return {
    destination: destination(flag, value, target),
    type: 'tmpfs',
    source: 'tmpfs',
    options: words.reduce(
      (options, word) => withWord(`${flag} ${value}`, options, word),
      tmpfsDefaults,
    ),
  };
}

/**
 * Over /proc and /sys anything else than the kernel's own would turn writes meant for the kernel
 * into writes to the caller's files (CVE-2019-16884); /dev is filled by tsbox.
 */
const reserved = /^\/(proc|sys)(\/|$)|^\/dev$/;

/** @returns the place in the box, normalised. @throws SpecError */
export function destination(flag: string, value: string, target: string): string {
  const path = posix.normalize(target).replace(/(?<=.)\/$/, '');
  if (!target.startsWith('/')) {
    throw new SpecError([
      `${flag} ${value}: ${target} is relative; a place in the box is an absolute path`,
    ]);
  }
  if (path === '/') {
    throw new SpecError([
      `${flag} ${value}: / is the image itself; any path below it is allowed, or use --rootfs DIR`,
    ]);
  }
  if (reserved.test(path)) {
    throw new SpecError([
      `${flag} ${value}: ${path} belongs to the box; any place but /, /dev, /proc and /sys is allowed`,
    ]);
  }
  return path;
}
