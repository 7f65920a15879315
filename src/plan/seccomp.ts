/** The filter of a box's system calls, seccomp(2): the last steps before the workload. */
import type { seccompFilterFlags } from '../abi/seccomp.ts';
import type { Box } from '../spec/box.ts';
import { capset } from './calls.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { hold, installFilter, sendByte } from './seccomp-calls.ts';
import { type Slot, type Step, step } from './step.ts';

export interface SeccompFilter {
  /** An array of `struct sock_filter`. */
  readonly program: Uint8Array;
  readonly flags: readonly (keyof typeof seccompFilterFlags)[];
  /** Which profile it was made from, in words. */
  readonly profile: string;
  /** The same without a listener, which tsbox's own answers by. */
  readonly judge?: Uint8Array;
}

/** For a program that has no listener, and gains no privileges. */
export function refuseCalls({ program, flags, profile }: SeccompFilter): Step {
  return step(
    installFilter(program, flags, profile),
    'calls that the program has no use for are refused: less of the kernel can be attacked',
    { hint: 'the kernel must have CONFIG_SECCOMP_FILTER: `tsbox doctor` shows it' },
  );
}

/** Where the descriptor of the filter's listener goes. */
export const LISTENER: Slot = 'listener';

/**
 * What seccomp(2) wants of a process that may still gain privileges by execve(2): without
 * no_new_privs only CAP_SYS_ADMIN lets it install a filter, which set-user-id programs then keep.
 */
const NEEDED = 'CAP_SYS_ADMIN';

/** Whether the workload's capabilities alone would not allow its filter. */
function needsMore({ spec }: Box, filter: SeccompFilter | undefined): boolean {
  const { noNewPrivileges, capabilities } = spec.process;
  return filter !== undefined && !noNewPrivileges && !capabilities.effective.includes(NEEDED);
}

/** Capabilities up to the filter. */
export function setCapabilities(box: Box, filter: SeccompFilter | undefined): Step {
  const { capabilities } = box.spec.process;
  const hint =
    'a capability that tsbox lacks itself cannot be given (CapPrm in /proc/self/status): drop it with --cap-drop, or add --userns=auto';
  if (!needsMore(box, filter))
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

export function filterCalls(box: Box, filter: SeccompFilter | undefined): Step[] {
  if (filter === undefined) return [];
  return [
    ...install(filter, box.spec.linux.seccomp === undefined ? hearing : refusing),
    ...(needsMore(box, filter)
      ? [step(capset(box.spec.process.capabilities), `${NEEDED} has done its service`)]
      : []),
  ];
}

const refusing =
  'calls that the workload has no use for are refused: less of the kernel can be attacked';
const hearing = 'each call is heard of, and made';

function install({ program, flags, profile }: SeccompFilter, why: string): Step[] {
  const call = installFilter(program, flags, profile);
  if (!flags.includes('SECCOMP_FILTER_FLAG_NEW_LISTENER'))
    return [
      step(call, why, {
        hint: 'the kernel must have CONFIG_SECCOMP_FILTER (`tsbox doctor` shows it); --security-opt seccomp=unconfined does without',
      }),
    ];
  return [
    step(sendByte(PARENT_DESCRIPTOR), 'tsbox gets ready to take the listener'),
    step(call, why, {
      into: LISTENER,
      hint: 'a listener needs Linux 5.8 (`tsbox doctor` shows user_notif), and that none listens to tsbox itself, as in a box of --seccomp-log (EBUSY): leave it out',
    }),
    step(hold(), 'waits until tsbox has the listener: execve closes this one'),
  ];
}
