/**
 * Attributes of the process that is to become the workload (OCI config.md, `process`, and
 * `linux.personality`), and what keeps it apart from processes that are none of the box's.
 */

import type { Box } from '../spec/box.ts';
import { processProblems } from '../spec/check-process.ts';
import { SpecError } from '../spec/errors.ts';
import { prctl } from './calls.ts';
import type { Host } from './host.ts';
import { writeLabels } from './labels.ts';
import { setMemoryPolicy } from './memory-policy.ts';
import { ioprioSet, joinSessionKeyring, personality, schedSetattr } from './process-calls.ts';
import { writeProcess } from './procfs.ts';
import { type Step, step } from './step.ts';

/**
 * After the id maps are written: what /proc shows of a process that is not dumpable is root's, and
 * so would be its uid_map. The execve(2) of the workload makes it dumpable again.
 */
export function keepApart(): Step[] {
  return [
    step(
      prctl('PR_SET_DUMPABLE', 0),
      'until the workload is executed, no process of its user can trace or read this one',
    ),
    step(joinSessionKeyring(), "not the caller's session keyring, with the keys in it", {
      // A kernel without keys, and a seccomp filter around tsbox that lets nobody use them.
      accept: ['ENOSYS', 'EPERM'],
      hint: 'the user may have no more keys: see /proc/key-users and /proc/sys/kernel/keys/maxkeys',
    }),
  ];
}

/** @throws SpecError for values that the kernel does not have. */
export function processAttributes(box: Box, host: Host): Step[] {
  const problems = processProblems(box.spec);
  if (problems.length > 0) throw new SpecError(problems);
  const { oomScoreAdj, ioPriority, scheduler } = box.spec.process;
  const domain = box.spec.linux.personality?.domain;
  return [
    ...(oomScoreAdj === undefined ? [] : scoreOom(box, host, oomScoreAdj)),
    ...(ioPriority === undefined
      ? []
      : [
          step(ioprioSet(ioPriority), 'process.ioPriority', {
            hint: 'the class RT needs CAP_SYS_NICE or CAP_SYS_ADMIN on the host, which a user namespace does not give',
          }),
        ]),
    ...(scheduler === undefined
      ? []
      : [
          step(schedSetattr(scheduler), 'process.scheduler', {
            hint: 'real-time policies, deadlines and a nice value below the present one need CAP_SYS_NICE on the host, which a user namespace does not give',
          }),
        ]),
    ...(domain === undefined ? [] : [step(personality(domain), 'linux.personality')]),
    ...setMemoryPolicy(box),
    ...writeLabels(box, host),
  ];
}

function scoreOom(box: Box, host: Host, score: number): Step[] {
  return writeProcess(box, host, 'oom_score_adj', `${score}`, {
    why: 'how soon the kernel ends the box for want of memory',
    hint: 'less than tsbox itself has (/proc/self/oom_score_adj) needs CAP_SYS_RESOURCE on the host: ask for no less, or give tsbox that capability',
  });
}
