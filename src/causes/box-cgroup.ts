/** A clone that only the box's own cgroup refuses: the limits that it was given, or who may enter it. */
import { errnoName } from '../abi/errno.ts';
import { attempt, namespacesOf } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';

export const boxCgroup: Probe = {
  concerns: ({ clone = [] }) => clone.includes('CLONE_INTO_CGROUP'),
  looksAt: 'the same process is refused outside of the box’s cgroup, too',
  prove: async ({ clone, errno }) => {
    const { end } = await attempt(namespacesOf(clone));
    return end === 'done' ? judgeBoxCgroup(errnoName(errno)) : undefined;
  },
};

/** @param error of the clone into the cgroup; outside of it, it succeeds. */
export function judgeBoxCgroup(error: string): Cause | undefined {
  const outside = 'the same process is made outside of the box’s cgroup';
  switch (error) {
    // execve(2) gives E2BIG when there is no memory for its arguments, too.
    case 'ENOMEM':
    case 'E2BIG':
      return {
        sentence: `${outside}, so that it is the cgroup that has too little memory for it`,
        mend: 'allow the box more memory (--memory)',
      };
    case 'EAGAIN':
      return {
        sentence: `${outside}, so that it is the cgroup, or one above it, that may have no more processes (pids.max)`,
        mend: 'allow the box more processes (--pids-limit)',
      };
    default:
      return {
        sentence: `${outside}, so that it is the cgroup that tsbox may not put it into (${error})`,
        mend: 'run tsbox in a cgroup that is delegated to you: systemd-run --user --scope --property=Delegate=yes tsbox …',
      };
  }
}
