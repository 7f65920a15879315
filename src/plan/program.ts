/** A program of the host's that belongs to a box, such as QEMU: it ends with tsbox, and is told nothing else. */
import type { Arch } from '../abi/syscalls.ts';
import { HERE } from './arguments.ts';
import { closeRange, execve, mount, mountSetattr, moveMount, openat, openTree } from './calls.ts';
import { newSession, ordinarySignals } from './execute.ts';
import { announceExecution, dieWithParent, PARENT_DESCRIPTOR } from './parent.ts';
import { type Step, step } from './step.ts';

/** First of the descriptors that a program is given beside its standard streams (src/linux/interpreter.ts). */
export const FIRST_EXTRA = 6;

/** @param extra how many of those there are. */
export function programSteps(
  argv: readonly string[],
  extra: number,
  before: readonly Step[] = [],
): Step[] {
  const why = 'the program gets what it is given, and nothing else';
  return [
    announceExecution(),
    ...dieWithParent(),
    newSession(),
    ...before,
    step(closeRange(3, PARENT_DESCRIPTOR - 1), why),
    step(closeRange(FIRST_EXTRA + extra), why),
    ...ordinarySignals(),
    step(execve(argv[0] ?? '', argv, ['PATH=/usr/sbin:/usr/bin:/sbin:/bin']), 'the program'),
  ];
}

/** In a mount namespace of its own: the directory as it is served, at a place that only this process sees. */
export function exposeDirectory(
  arch: Arch,
  source: string,
  at: string,
  access: 'read-only' | 'writable',
): Step[] {
  return [
    step(mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']), 'nothing reaches the host'),
    step(
      openTree(HERE, source, ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_RECURSIVE']),
      'the directory, as a mount of its own',
      { into: 'share' },
    ),
    ...(access === 'writable'
      ? []
      : [
          step(
            mountSetattr('share', ['MOUNT_ATTR_RDONLY'], 'recursive'),
            'a guest that breaks out of its own rules still cannot write',
          ),
        ]),
    step(openat(arch, at, ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']), 'where it is served from', {
      into: 'place',
    }),
    step(moveMount('share', 'place'), 'all that is served'),
  ];
}
