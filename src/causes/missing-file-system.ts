/** A file system that the kernel does not have: filesystems(5). A module has been loaded by the call that asked for it. */
import type { Cause, Probe } from './cause.ts';
import { readText } from './status.ts';

export const missingFileSystem: Probe = {
  concerns: ({ fileSystem }) => fileSystem !== undefined,
  looksAt: 'the kernel has the file system (/proc/filesystems)',
  prove: ({ fileSystem = '' }) =>
    judgeMissingFileSystem(fileSystem, readText('/proc/filesystems') ?? ''),
};

export function judgeMissingFileSystem(type: string, filesystems: string): Cause | undefined {
  if (filesystems === '' || new RegExp(`\\t${type}$`, 'm').test(filesystems)) return undefined;
  return {
    sentence: `this kernel has no ${type} file system (/proc/filesystems)`,
    mend: 'boot the kernel of a distribution, which has it',
  };
}
