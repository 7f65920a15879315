/**
 * Calls with arguments that mean nothing. The kernel looks at these before it looks at rights, or has
 * granted the rights in a user namespace made for it: what answers EPERM or ENOSYS is not its rules.
 */
import { errnoName } from '../abi/errno.ts';
import type { SyscallName } from '../abi/syscalls.ts';
import { SyscallError, syscall } from '../linux/native.ts';
import { number } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';
import { attempt } from './attempt.ts';
import { power } from './power.ts';

/** Calls that look at their arguments first. */
const direct: Readonly<Partial<Record<SyscallName, () => number>>> = {
  clone3: () => syscall('clone3', null, 0),
  close_range: () => syscall('close_range', 1, 0, 0),
  mount: () => syscall('mount', -1n, -1n, -1n, 0, 0),
  umount2: () => syscall('umount2', -1n, -1),
  chroot: () => syscall('chroot', -1n),
  open_tree: () => syscall('open_tree', -1, null, -1),
  fsconfig: () => syscall('fsconfig', -1, -1, null, null, 0),
  mount_setattr: () => syscall('mount_setattr', -1, null, -1, null, 0),
  openat2: () => syscall('openat2', -1, null, null, 0),
  mknodat: () => syscall('mknodat', -1, -1n, 0o170000, 0),
  prctl: () => syscall('prctl', -1, 0, 0, 0, 0),
  keyctl: () => syscall('keyctl', -1, 0, 0, 0, 0),
  seccomp: () => syscall('seccomp', -1, 0, null),
  memfd_create: () => syscall('memfd_create', null, -1),
  pidfd_send_signal: () => syscall('pidfd_send_signal', -1, 0, null, -1),
  landlock_create_ruleset: () => syscall('landlock_create_ruleset', null, 0, -1),
};

/** Calls that look at rights first, which are there in a user namespace of one's own. */
const privileged: readonly SyscallName[] = [
  'pivot_root',
  'move_mount',
  'fsopen',
  'fsmount',
  'sethostname',
];

/** Whether {@link answerTo} knows how to make a call without meaning. */
export function canAnswer(call: string): boolean {
  return call in direct || privileged.some((one) => one === call);
}

/** @returns undefined where a call says nothing, or cannot be tried. */
export async function answerTo(call: string): Promise<string | undefined> {
  const make = direct[call as SyscallName];
  if (make !== undefined) return errorOf(make);
  const name = privileged.find((one) => one === call);
  if (name === undefined) return undefined;
  const tried = await attempt(
    ['CLONE_NEWUSER', 'CLONE_NEWNS', 'CLONE_NEWUTS'],
    [power, meaningless(name)],
  );
  const answered = tried.end === 'refused' && tried.call === name;
  return answered ? errnoName(tried.errno) : undefined;
}

const minusOne = number(-1);

function meaningless(call: SyscallName): Step {
  return step(
    { call, args: Array.from({ length: 6 }, () => minusOne) },
    'what answers it, and how',
  );
}

function errorOf(make: () => number): string | undefined {
  try {
    make();
    return undefined;
  } catch (error) {
    if (error instanceof SyscallError) return errnoName(error.errno);
    throw error;
  }
}
