/**
 * Attributes of a process for which there is no flag: a specification that a program made is checked
 * here before it becomes a plan (OCI config.md, `process`; sched_setattr(2), ioprio_set(2)).
 */
import {
  ioPriorityClasses,
  personalities,
  schedulerFlags,
  schedulerPolicies,
} from '../abi/scheduling.ts';
import { MAX_OOM_SCORE, MIN_OOM_SCORE } from './oom-score.ts';
import type { IoPriority, Scheduler, Spec } from './spec.ts';

/** A sentence each, beginning with the field's path. */
export function processProblems({ process, linux, mounts }: Spec): string[] {
  const { oomScoreAdj: score, ioPriority, scheduler, apparmorProfile, selinuxLabel } = process;
  const inProc = [score, apparmorProfile, selinuxLabel].some((field) => field !== undefined);
  return [
    ...(score === undefined
      ? []
      : wholeNumber('process.oomScoreAdj', score, MIN_OOM_SCORE, MAX_OOM_SCORE)),
    ...(ioPriority === undefined ? [] : ioPriorityProblems(ioPriority)),
    ...(scheduler === undefined ? [] : schedulerProblems(scheduler)),
    ...(linux.personality === undefined
      ? []
      : oneOf('linux.personality.domain', linux.personality.domain, personalities)),
    ...(inProc && !mounts.some(({ type }) => type === 'proc')
      ? [
          'mounts: oomScoreAdj, apparmorProfile and selinuxLabel are written to /proc: one of type proc is needed',
        ]
      : []),
  ];
}

function ioPriorityProblems({ class: name, priority }: IoPriority): string[] {
  return [
    ...oneOf('process.ioPriority.class', name, ioPriorityClasses),
    ...wholeNumber('process.ioPriority.priority', priority, 0, 7),
  ];
}

const fair = ['SCHED_OTHER', 'SCHED_BATCH'];
const realTime = ['SCHED_FIFO', 'SCHED_RR'];

function schedulerProblems(scheduler: Scheduler): string[] {
  const { policy, nice, priority, flags = [], runtime, deadline, period } = scheduler;
  const path = 'process.scheduler';
  const timed = policy === 'SCHED_DEADLINE';
  const times = Object.entries({ runtime, deadline, period });
  return [
    ...oneOf(`${path}.policy`, policy, schedulerPolicies),
    ...flags.flatMap((flag, index) => oneOf(`${path}.flags[${index}]`, flag, schedulerFlags)),
    ...only(`${path}.nice`, nice, fair, policy, -20, 19),
    ...only(`${path}.priority`, priority, realTime, policy, 1, 99),
    ...(realTime.includes(policy) && priority === undefined
      ? [`${path}.priority: ${policy} needs one, from 1 to 99`]
      : []),
    ...times.flatMap(([name, value]) =>
      only(`${path}.${name}`, value, ['SCHED_DEADLINE'], policy, 0, Number.MAX_SAFE_INTEGER),
    ),
    ...(timed && !(0 < (runtime ?? 0) && (runtime ?? 0) <= (deadline ?? 0))
      ? [`${path}: SCHED_DEADLINE needs a runtime above 0 and a deadline that is no shorter`]
      : []),
  ];
}

/** A number that only some policies have; 0 says nothing, as in the OCI's own tools. */
function only(
  path: string,
  value: number | undefined,
  policies: readonly string[],
  policy: string,
  min: number,
  max: number,
): string[] {
  if (value === undefined) return [];
  if (policies.includes(policy)) return wholeNumber(path, value, min, max);
  return value === 0
    ? []
    : [
        `${path}: ${policy} has none; ${policies.join(' and ')} ${policies.length === 1 ? 'has' : 'have'}`,
      ];
}

function wholeNumber(path: string, value: number, min: number, max: number): string[] {
  if (Number.isInteger(value) && value >= min && value <= max) return [];
  return [`${path}: ${value}: whole numbers from ${min} to ${max} are allowed`];
}

function oneOf(path: string, value: string, known: Readonly<Record<string, number>>): string[] {
  if (Object.hasOwn(known, value)) return [];
  return [`${path}: ${value}: unknown; ${Object.keys(known).join(', ')} are known`];
}
