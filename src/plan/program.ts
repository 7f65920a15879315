/** A program of the host's that works for a box, such as cp or QEMU: it ends with tsbox, and is told nothing else. */
import { closeRange, execve } from './calls.ts';
import { newSession, ordinarySignals } from './execute.ts';
import { announceExecution, dieWithParent, PARENT_DESCRIPTOR } from './parent.ts';
import { type Step, step } from './step.ts';

/** First of the descriptors that a program is given beside its standard streams (src/linux/interpreter.ts). */
export const FIRST_EXTRA = 6;

/** One with the rights of tsbox itself; in src/plan/jail.ts are those with fewer. */
export function programSteps(argv: readonly string[]): Step[] {
  return [...belongToTsbox(), ...executeProgram(argv, 0)];
}

export function belongToTsbox(): Step[] {
  return [announceExecution(), ...dieWithParent(), newSession()];
}

/**
 * @param extra how many descriptors from {@link FIRST_EXTRA} on it is given.
 * @param last what is done right before.
 * @param environment variables beside PATH, as NAME=VALUE.
 */
export function executeProgram(
  argv: readonly string[],
  extra: number,
  last: readonly Step[] = [],
  environment: readonly string[] = [],
): Step[] {
  const why = 'the program gets what it is given, and nothing else';
  return [
    step(closeRange(3, PARENT_DESCRIPTOR - 1), why),
    step(closeRange(FIRST_EXTRA + extra), why),
    ...ordinarySignals(),
    ...last,
    step(
      execve(argv[0] ?? '', argv, ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...environment]),
      'the program',
    ),
  ];
}
