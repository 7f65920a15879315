/** Runs programs of the host's that do something for a box and end. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import type { Ended } from '../linux/children.ts';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { emptyMemoryFile } from '../linux/memory-file.ts';
import { programSteps } from '../plan/program.ts';

/**
 * The program ends when tsbox does.
 * @param argv its path first.
 * @param abort ends it before it is done.
 * @throws Error with what it said, when it cannot be executed or its exit status is not 0.
 */
export async function runProgram(argv: readonly string[], abort?: AbortSignal): Promise<void> {
  const program = argv[0] ?? '';
  const nothing = openSync('/dev/null', 'r+');
  const words = emptyMemoryFile('tsbox-words', 0);
  try {
    const running = interpret({
      steps: programSteps(argv),
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD'],
      stdio: [nothing, nothing, words],
    });
    const { report } = running.carryOut();
    const ended = await untilEnd(running, abort);
    if (report?.state === 'failed')
      throw new Error(`${program} cannot be executed: ${errnoName(report.error)}`);
    if (ended.how === 'signalled')
      throw new Error(`${program} was ended by signal ${ended.status}`);
    if (ended.status === 0) return;
    const said = readFileSync(`/proc/self/fd/${words}`, 'utf8').trim();
    throw new Error(said === '' ? `${program}: exit status ${ended.status}` : said);
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
