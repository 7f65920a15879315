/** Copies trees of files. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { interpret } from '../linux/interpreter.ts';
import { emptyMemoryFile } from '../linux/memory-file.ts';
import { programSteps } from '../plan/program.ts';
import { failureOf } from './step-failure.ts';

/**
 * With owners, modes, times, links, devices and extended attributes: cp(1), which ends when tsbox does.
 * @throws Error with what cp said.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  const steps = programSteps(['/bin/cp', '-a', '--reflink=auto', '--', from, to], 0);
  const nothing = openSync('/dev/null', 'r+');
  const words = emptyMemoryFile('tsbox-cp', 0);
  try {
    const running = interpret({
      steps,
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD'],
      stdio: [nothing, nothing, words],
    });
    const { report } = running.carryOut();
    const { status } = await running.end();
    const failure = failureOf(steps, report);
    if (failure !== undefined) throw failure;
    if (status !== 0) throw new Error(readFileSync(`/proc/self/fd/${words}`, 'utf8').trim());
  } finally {
    closeSync(nothing);
    closeSync(words);
  }
}
