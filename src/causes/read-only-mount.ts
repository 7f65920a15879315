/** Something that was to be written lies on a mount that is read-only: mount(2), MS_RDONLY. */
import { mountAround } from '../linux/mountinfo.ts';
import type { Cause, Probe } from './cause.ts';
import { readText } from './status.ts';

export const readOnlyMount: Probe = {
  concerns: ({ path }) => path !== undefined,
  looksAt: 'the mount is not read-only (/proc/self/mountinfo)',
  prove: ({ path = '' }) => judgeReadOnly(path, readText('/proc/self/mountinfo') ?? ''),
};

export function judgeReadOnly(path: string, mountinfo: string): Cause | undefined {
  const around = mountAround(mountinfo, path);
  if (around === undefined || !around.attributes.includes('MOUNT_ATTR_RDONLY')) return undefined;
  return {
    sentence: `${path} lies on ${around.point}, which is mounted read-only (/proc/self/mountinfo)`,
    mend: `as root: mount -o remount,bind,rw ${around.point}; or run tsbox outside this container`,
  };
}
