/** The host's device nodes: inode(7). */
import { closeSync, lstatSync, openSync, readdirSync, type Stats, statSync } from 'node:fs';
import { relative } from 'node:path';
import { describeErrno } from '../abi/errno.ts';
import type { HostDevice } from '../spec/devices.ts';

/**
 * The device at a path, to which links are followed; for a directory all nodes below it, where they are
 * not.
 * @returns none when nothing there is a device.
 * @throws Error with code ENOENT … where nothing is.
 */
export function findDevices(path: string): HostDevice[] {
  const stat = statSync(path);
  if (!stat.isDirectory()) return toDevice('', stat);
  return nodesBelow(path)
    .sort()
    .flatMap((node) => toDevice(relative(path, node), lstatSync(node)));
}

/** Node's own recursion follows links to directories. */
function nodesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return nodesBelow(path);
    return entry.isCharacterDevice() || entry.isBlockDevice() ? [path] : [];
  });
}

function toDevice(below: string, stat: Stats): HostDevice[] {
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return [];
  return [
    {
      below,
      type: stat.isBlockDevice() ? 'b' : 'c',
      ...numbersOf(stat.rdev),
      fileMode: stat.mode & 0o7777,
      uid: stat.uid,
      gid: stat.gid,
    },
  ];
}

/** glibc's layout of a dev_t, makedev(3): twelve bits of major between two parts of minor, and the rest above. */
function numbersOf(rdev: number): { major: number; minor: number } {
  const bits = BigInt(rdev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xffff_f000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffff_ff00n);
  return { major: Number(major), minor: Number(minor) };
}

/** Whether the caller may read and write there. @returns why not; undefined where it may. */
export function whyNotOpened(path: string): string | undefined {
  try {
    closeSync(openSync(path, 'r+'));
    return undefined;
  } catch (error) {
    return describeErrno(-((error as NodeJS.ErrnoException).errno ?? 0));
  }
}
