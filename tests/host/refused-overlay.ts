/**
 * Runs tsbox as a user without any right for whom the kernel really refuses overlayfs: the image is on
 * an overlay that is on an overlay, and more layers the kernel does not stack (EINVAL).
 */
import { starter, through } from './tsbox.ts';

const layers = '/dev/shm';

/** What the user finds at /dev/fuse, and in the image. */
const premises = {
  served: `mknod ${layers}/fuse c 10 229 && chmod 666 ${layers}/fuse`,
  'no FUSE': `touch ${layers}/fuse && chmod 0 ${layers}/fuse`,
};

/**
 * @param program of a shell script that takes the place of fuse-overlayfs.
 * @param last of the shell, once tsbox has ended; without, it ends with the shell's own process.
 */
export function withoutOverlay(fuse: keyof typeof premises, program = '', last = ''): string[] {
  const { image, user } = starter;
  const owned = (name: string) =>
    `mkdir ${layers}/${name} && chown ${user}:${user} ${layers}/${name}`;
  const overlay = (lower: string, number: number, at: string) =>
    `mount -t overlay -o lowerdir=${lower},upperdir=${layers}/u${number},workdir=${layers}/w${number} o ${at}`;
  const steps = [
    // Seen by this mount namespace alone, as all that follows.
    `mount -t tmpfs -o mode=755 t ${layers}`,
    ...['u1', 'w1', 'u2', 'w2', 'm'].map(owned),
    overlay(image, 1, `${layers}/m`),
    overlay(`${layers}/m`, 2, image),
    premises[fuse],
    `mount --bind ${layers}/fuse /dev/fuse`,
    ...(program === ''
      ? []
      : [
          `printf '#!/usr/bin/sh\\n%s\\n' '${program}' >${layers}/program && chmod 755 ${layers}/program`,
          `mount --bind ${layers}/program /usr/bin/fuse-overlayfs`,
        ]),
    last === '' ? 'exec "$0" "$@"' : `{ "$0" "$@"; ${last}; }`,
  ];
  return ['unshare', '-m', 'sh', '-c', steps.join(' && '), ...through()];
}

/** Files that the user's boxes have changed in the image. */
export const changes = `find ${layers}/u1 ${layers}/u2 -mindepth 1`;
