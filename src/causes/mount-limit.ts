/** The most mounts of a mount namespace: fs.mount-max, proc_sys_fs(5). A box starts with a copy of the caller's. */
import { mountPoints } from '../linux/mountinfo.ts';
import type { Cause, Probe } from './cause.ts';
import { readText } from './status.ts';

/** More than any box makes. */
const OWN = 400;

export const mountLimit: Probe = {
  looksAt: 'there may be more mounts than tsbox sees (fs.mount-max, /proc/self/mountinfo)',
  prove: () =>
    judgeMountLimit(
      mountPoints(readText('/proc/self/mountinfo') ?? '').length,
      Number(readText('/proc/sys/fs/mount-max')),
    ),
};

/** @param limit NaN where it is not known. */
export function judgeMountLimit(mounts: number, limit: number): Cause | undefined {
  if (!(mounts + OWN > limit)) return undefined;
  return {
    sentence: `fs.mount-max is ${limit}, and a box begins with the ${mounts} mounts that tsbox sees`,
    mend: `as root: sysctl -w fs.mount-max=100000`,
  };
}
