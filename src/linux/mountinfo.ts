/** Which mount a path of the host's lies on: proc_pid_mountinfo(5). */
import type { SourceMount } from '../plan/host.ts';
import { attributes } from '../plan/mount-words.ts';

/** @param path absolute and without links. @returns undefined when nothing is mounted around it. */
export function mountAround(mountinfo: string, path: string): SourceMount | undefined {
  const mounts = mountPoints(mountinfo);
  const around = nearest(mounts, path);
  if (around === undefined) return undefined;
  return { ...around, nested: mounts.some(({ point }) => isBelow(point, path)) };
}

/** All mounts, in their order. */
export function mountPoints(mountinfo: string): Omit<SourceMount, 'nested'>[] {
  return mountinfo.split('\n').flatMap((line) => parseLine(line) ?? []);
}

/** The type of the file system that a path lies on, such as `ext4`, and whether its owners are mapped there. */
export function fileSystemAround(
  mountinfo: string,
  path: string,
): { readonly type: string; readonly idmapped: boolean } | undefined {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const point = parseLine(line)?.point;
    const [type] = / - (\S+)/.exec(line)?.slice(1) ?? [];
    if (point === undefined || type === undefined) return [];
    return [{ point, type, idmapped: /^(?:\S+ ){5}\S*\bidmapped\b/.test(line) }];
  });
  return nearest(mounts, path);
}

/** Of several at one place the last covers the others. */
function nearest<Mount extends { readonly point: string }>(
  mounts: readonly Mount[],
  path: string,
): Mount | undefined {
  return mounts
    .filter(({ point }) => point === path || isBelow(path, point))
    .toSorted((one, other) => one.point.length - other.point.length)
    .at(-1);
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
    // What a copy of the mount takes along and a remount has to repeat: not `relatime`, the default.
    attributes: Object.entries(attributes).flatMap(([word, attribute]) =>
      word !== 'relatime' && words.includes(word) ? [attribute] : [],
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
