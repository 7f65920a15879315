/**
 * The words of a mount's options (OCI runtime specification, config.md, "Linux mount options"): what
 * they ask of the kernel. `ro`, `nosuid` … are about the mount alone; with an `r` in front they are
 * about all mounts below it, too.
 */
import type { Mount } from '../spec/spec.ts';
import type { MountAttribute, Propagation, Reach } from './mount-calls.ts';

/** The kernel writes the same in proc_pid_mountinfo(5). */
export const attributes: Readonly<Record<string, MountAttribute>> = {
  ro: 'MOUNT_ATTR_RDONLY',
  nosuid: 'MOUNT_ATTR_NOSUID',
  nodev: 'MOUNT_ATTR_NODEV',
  noexec: 'MOUNT_ATTR_NOEXEC',
  noatime: 'MOUNT_ATTR_NOATIME',
  nodiratime: 'MOUNT_ATTR_NODIRATIME',
  relatime: 'MOUNT_ATTR_RELATIME',
  strictatime: 'MOUNT_ATTR_STRICTATIME',
};

const propagations: Readonly<Record<string, Propagation>> = {
  private: 'MS_PRIVATE',
  slave: 'MS_SLAVE',
  shared: 'MS_SHARED',
  unbindable: 'MS_UNBINDABLE',
};

/** Words that are the kernel's default, or that are carried out elsewhere. */
const others = new Set(['rw', 'bind', 'rbind', 'idmap', 'newinstance']);

interface Word<T> {
  readonly value: T;
  readonly reach: Reach;
}

function lookUp<T>(table: Readonly<Record<string, T>>, word: string): Word<T> | undefined {
  const own = Object.hasOwn(table, word) ? table[word] : undefined;
  if (own !== undefined) return { value: own, reach: 'this mount' };
  const below = word.slice(1);
  const value = word.startsWith('r') && Object.hasOwn(table, below) ? table[below] : undefined;
  return value === undefined ? undefined : { value, reach: 'recursive' };
}

/** The attributes that are asked for with this reach. */
export function attributesOf({ options }: Pick<Mount, 'options'>, reach: Reach): MountAttribute[] {
  return options.flatMap((word) => {
    const found = lookUp(attributes, word);
    return found?.reach === reach ? [found.value] : [];
  });
}

/** What is asked for; the last word counts. */
export function propagationOf({ options }: Pick<Mount, 'options'>): Word<Propagation> | undefined {
  return options.flatMap((word) => lookUp(propagations, word) ?? []).at(-1);
}

/** Whether mounts of the host are to reach the box, or the box's the host. */
export function isPropagated(mount: Mount): boolean {
  return ['MS_SLAVE', 'MS_SHARED'].includes(propagationOf(mount)?.value ?? '');
}

/** Whether the mounts below the source come along. */
export function reachOf({ options }: Pick<Mount, 'options'>): Reach {
  return options.includes('rbind') ? 'recursive' : 'this mount';
}

/** What is the file system's own to understand. */
export function dataOf({ options }: Pick<Mount, 'options'>): string[] {
  return options.filter(
    (word) =>
      !others.has(word) &&
      lookUp(attributes, word) === undefined &&
      lookUp(propagations, word) === undefined,
  );
}
