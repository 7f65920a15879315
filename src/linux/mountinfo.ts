/** Which mount a path of the host's lies on: proc_pid_mountinfo(5). */
import type { SourceMount } from '../plan/host.ts';

/** The words of the sixth field that a copy of the mount takes along and a remount has to repeat. */
const attributeWords = {
  ro: 'MOUNT_ATTR_RDONLY',
  nosuid: 'MOUNT_ATTR_NOSUID',
  nodev: 'MOUNT_ATTR_NODEV',
  noexec: 'MOUNT_ATTR_NOEXEC',
  noatime: 'MOUNT_ATTR_NOATIME',
  nodiratime: 'MOUNT_ATTR_NODIRATIME',
} as const;

/** @param path absolute and without links. @returns undefined when nothing is mounted around it. */
export function mountAround(mountinfo: string, path: string): SourceMount | undefined {
  const mounts = mountinfo.split('\n').flatMap((line) => parseLine(line) ?? []);
  // Of several at one place the last covers the others.
  const around = mounts
    .filter(({ point }) => point === path || isBelow(path, point))
    .toSorted((one, other) => one.point.length - other.point.length)
    .at(-1);
  if (around === undefined) return undefined;
  return { ...around, nested: mounts.some(({ point }) => isBelow(point, path)) };
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`) && path !== directory;
}

function parseLine(line: string): Omit<SourceMount, 'nested'> | undefined {
  const [, , , , point, options = '', ...rest] = line.split(' ');
  if (point === undefined) return undefined;
  const tags = rest.slice(0, rest.indexOf('-'));
  const tagged = (name: string) => tags.some((tag) => tag.startsWith(`${name}:`));
  const words = options.split(',');
  return {
    point: plain(point),
    attributes: Object.entries(attributeWords).flatMap(([word, attribute]) =>
      words.includes(word) ? [attribute] : [],
    ),
    propagation: tagged('shared') ? 'shared' : tagged('master') ? 'slave' : 'private',
  };
}

/** Space, tab, newline and backslash are written as three octal digits. */
function plain(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
