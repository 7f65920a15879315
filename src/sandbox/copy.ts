/** Copies trees of files. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import type { Ended } from '../linux/children.ts';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { emptyMemoryFile } from '../linux/memory-file.ts';
import { programSteps } from '../plan/program.ts';

/**
 * With owners, modes, times, links, devices and extended attributes: cp(1), which ends when tsbox does.
 * @param early ends it before it is done.
 * @throws Error with what cp said.
 */
export async function copyTree(
  from: string,
  to: string,
  early: { readonly abort: AbortSignal } | undefined,
): Promise<void> {
  const nothing = openSync('/dev/null', 'r+');
  const words = emptyMemoryFile('tsbox-cp', 0);
  try {
    const running = interpret({
      steps: programSteps(['/bin/cp', '-a', '--reflink=auto', '--', from, to]),
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD'],
      stdio: [nothing, nothing, words],
    });
    const { report } = running.carryOut();
    const ended = await untilEnd(running, early?.abort);
    if (report?.state === 'failed')
      throw new Error(`/bin/cp cannot be executed: ${errnoName(report.error)}`);
    if (ended.how === 'signalled') throw new Error(`cp was ended by signal ${ended.status}`);
    if (ended.status !== 0) throw new Error(readFileSync(`/proc/self/fd/${words}`, 'utf8').trim());
  } finally {
    closeSync(nothing);
    closeSync(words);
  }
}

async function untilEnd(running: Interpreter, abort: AbortSignal | undefined): Promise<Ended> {
  const SIGKILL = 9;
  const kill = (): void => running.signal(SIGKILL);
  if (abort?.aborted) kill();
  abort?.addEventListener('abort', kill, { once: true });
  try {
    return await running.end();
  } finally {
    abort?.removeEventListener('abort', kill);
  }
}
