/** A capability that the caller lacks: capabilities(7). */
import type { Cause, Probe } from './cause.ts';
import { holds, ownStatus, type ProcessStatus } from './status.ts';

/** What a call needs, whatever its arguments. */
const needs: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      'clone3',
      'mount',
      'umount2',
      'pivot_root',
      'open_tree',
      'move_mount',
      'fsopen',
      'fsconfig',
      'fsmount',
      'mount_setattr',
      'sethostname',
    ].map((call) => [call, 'CAP_SYS_ADMIN']),
  ),
  setgroups: 'CAP_SETGID',
  setresgid: 'CAP_SETGID',
  setresuid: 'CAP_SETUID',
  mknodat: 'CAP_MKNOD',
  fchownat: 'CAP_CHOWN',
  chroot: 'CAP_SYS_CHROOT',
  ioctl: 'CAP_NET_ADMIN',
  prctl: 'CAP_SETPCAP',
  sched_setattr: 'CAP_SYS_NICE',
  ioprio_set: 'CAP_SYS_NICE',
  prlimit64: 'CAP_SYS_RESOURCE',
};

/** Calls whose right counts in the host's user namespace alone. */
const hostOnly = new Set(['sched_setattr', 'ioprio_set', 'prlimit64']);

export const capability: Probe = {
  // In a user namespace of its own a box has every capability.
  concerns: ({ call, clone = [] }) =>
    call in needs && (!clone.includes('CLONE_NEWUSER') || hostOnly.has(call)),
  looksAt: 'tsbox has the capability for it (CapEff in /proc/self/status)',
  prove: ({ call }) => judgeCapability(needs[call] ?? '', ownStatus()),
};

export function judgeCapability(
  name: string,
  { effective, bounding }: Pick<ProcessStatus, 'effective' | 'bounding'>,
): Cause | undefined {
  if (holds(effective, name)) return undefined;
  return holds(bounding, name)
    ? { sentence: `tsbox runs without ${name}`, mend: 'run it as root, such as with sudo' }
    : {
        sentence: `tsbox runs without ${name}, and its bounding set (CapBnd in /proc/self/status) lacks it, so that sudo cannot give it either`,
        mend: `run tsbox outside this container or service, or start it with the capability: docker and podman run --cap-add ${name}`,
      };
}
