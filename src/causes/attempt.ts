/** Tries calls in a process of its own, in namespaces of its own: they end with it. */
import { closeSync, openSync } from 'node:fs';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { SyscallError } from '../linux/native.ts';
import { umask } from '../plan/calls.ts';
import type { CloneFlag } from '../plan/container.ts';
import { waitForParent } from '../plan/parent.ts';
import { type Step, step } from '../plan/step.ts';

export type Attempt =
  | { readonly end: 'done' }
  /** The process could not be made, or could not become tsbox-init. */
  | { readonly end: 'not cloned'; readonly errno: number }
  | { readonly end: 'refused'; readonly call: string; readonly errno: number };

const nothing = step(umask(0o022), 'a step that cannot fail');

/** @throws Error when there is no descriptor or memory left to try with. */
export async function attempt(
  namespaces: readonly CloneFlag[],
  steps: readonly Step[] = [nothing],
): Promise<Attempt> {
  const running = start(namespaces, steps);
  if (!('pid' in running)) return running;
  const { report } = running.carryOut();
  await running.end();
  if (report?.state !== 'failed') return { end: 'done' };
  return { end: 'refused', call: steps[report.step]?.call ?? '', errno: report.error };
}

/**
 * Has a process wait in namespaces of its own while it is used.
 * @returns undefined when the process could not be made.
 */
export async function whileHeld<Result>(
  namespaces: readonly CloneFlag[],
  use: (pid: number) => Promise<Result>,
): Promise<Result | undefined> {
  const running = start(namespaces, waitForParent(0));
  if (!('pid' in running)) return undefined;
  try {
    return await use(running.pid);
  } finally {
    running.go();
    running.carryOut();
    await running.end();
  }
}

function start(namespaces: readonly CloneFlag[], steps: readonly Step[]): Interpreter | Attempt {
  const none = openSync('/dev/null', 'r+');
  try {
    return interpret({
      steps,
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD', ...namespaces],
      stdio: [none, none, none],
    });
  } catch (error) {
    if (error instanceof SyscallError && error.call === 'clone3')
      return { end: 'not cloned', errno: error.errno };
    throw error;
  } finally {
    closeSync(none);
  }
}

/** Those of a box that are namespaces. */
export function namespacesOf(clone: readonly CloneFlag[] = []): CloneFlag[] {
  return clone.filter((flag) => flag.startsWith('CLONE_NEW'));
}
