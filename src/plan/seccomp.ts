/** The filters of a box's system calls, seccomp(2): the last steps before the workload. */
import type { seccompFilterFlags } from '../abi/seccomp.ts';
import type { Box } from '../spec/box.ts';
import { capset } from './calls.ts';
import type { Host } from './host.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { hold, installFilter, sendByte } from './seccomp-calls.ts';
import { type Slot, type Step, step } from './step.ts';

export interface SeccompFilter {
  /** An array of `struct sock_filter`. */
  readonly program: Uint8Array;
  readonly flags: readonly (keyof typeof seccompFilterFlags)[];
  /** Which profile it was made from, in words. */
  readonly profile: string;
  /** The same without its listener, who answers as this one does. */
  readonly judge?: Uint8Array;
  /** What it is there for. */
  readonly why: string;
}

/** Where the listener's descriptor goes, of the filter that has one. */
export const LISTENER: Slot = 'listener';

/**
 * What seccomp(2) wants of a process that may still gain privileges by execve(2): without
 * no_new_privs only CAP_SYS_ADMIN lets it install a filter, which set-user-id programs then keep.
 */
const NEEDED = 'CAP_SYS_ADMIN';

/** Whether the workload's capabilities alone would not allow its filters. */
function needsMore({ spec }: Box, { filters = [] }: Pick<Host, 'filters'>): boolean {
  const { noNewPrivileges, capabilities } = spec.process;
  return filters.length > 0 && !noNewPrivileges && !capabilities.effective.includes(NEEDED);
}

/** Capabilities up to the filters. */
export function setCapabilities(box: Box, host: Host): Step {
  const { capabilities } = box.spec.process;
  const hint =
    'a capability that tsbox lacks itself cannot be given (CapPrm in /proc/self/status): drop it with --cap-drop, or add --userns=auto';
  if (!needsMore(box, host))
    return step(capset(capabilities), 'capabilities of the workload', { hint });
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

export function filterCalls(box: Box, host: Pick<Host, 'filters'>): Step[] {
  return [
    ...(host.filters ?? []).flatMap(install),
    ...(needsMore(box, host)
      ? [step(capset(box.spec.process.capabilities), `${NEEDED} has done its service`)]
      : []),
  ];
}

function install({ program, flags, profile, why }: SeccompFilter): Step[] {
  const hint =
    'the kernel must have CONFIG_SECCOMP_FILTER (`tsbox doctor` shows it); --security-opt seccomp=unconfined does without';
  const call = installFilter(program, flags, profile);
  if (!flags.includes('SECCOMP_FILTER_FLAG_NEW_LISTENER')) return [step(call, why, { hint })];
  return [
    step(sendByte(PARENT_DESCRIPTOR), 'tsbox gets ready to take the listener'),
    step(call, why, { hint, into: LISTENER }),
    step(hold(), 'waits until tsbox has the listener: execve closes this one'),
  ];
}
