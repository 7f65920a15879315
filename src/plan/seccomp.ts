/** The filter of a box's system calls, seccomp(2): the last step before the workload. */
import type { Box } from '../spec/box.ts';
import type { SeccompFlag } from '../spec/seccomp.ts';
import { capset, installFilter } from './calls.ts';
import { type Step, step } from './step.ts';

export interface SeccompFilter {
  /** An array of `struct sock_filter`. */
  readonly program: Uint8Array;
  readonly flags: readonly SeccompFlag[];
  /** Which profile it was made from, in words. */
  readonly profile: string;
}

/**
 * What seccomp(2) wants of a process that may still gain privileges by execve(2): without
 * no_new_privs only CAP_SYS_ADMIN lets it install a filter, which set-user-id programs then keep.
 */
const NEEDED = 'CAP_SYS_ADMIN';

/** Whether the workload's capabilities alone would not allow its filter. */
function needsMore({ spec }: Box): boolean {
  const { noNewPrivileges, capabilities } = spec.process;
  return (
    spec.linux.seccomp !== undefined && !noNewPrivileges && !capabilities.effective.includes(NEEDED)
  );
}

const hint =
  'a capability that tsbox lacks itself cannot be given (CapPrm in /proc/self/status): drop it with --cap-drop, or add --userns=auto';

/** Capabilities up to the filter. */
export function setCapabilities(box: Box): Step {
  const { capabilities } = box.spec.process;
  if (!needsMore(box)) return step(capset(capabilities), 'capabilities of the workload', { hint });
  const effective = [...capabilities.effective, NEEDED];
  const permitted = capabilities.permitted.includes(NEEDED)
    ? capabilities.permitted
    : [...capabilities.permitted, NEEDED];
  return step(
    capset({ ...capabilities, effective, permitted }),
    `capabilities of the workload, and ${NEEDED} until its filter is installed`,
    { hint },
  );
}

export function filterCalls(box: Box, filter: SeccompFilter | undefined): Step[] {
  if (filter === undefined) return [];
  return [
    step(
      installFilter(filter.program, filter.flags, filter.profile),
      'calls that the workload has no use for are refused: less of the kernel can be attacked',
      { hint: 'the kernel must have CONFIG_SECCOMP_FILTER; `tsbox doctor` shows what is missing' },
    ),
    ...(needsMore(box)
      ? [step(capset(box.spec.process.capabilities), `${NEEDED} has done its service`)]
      : []),
  ];
}
