/** Runs programs of the host's that do something for a box and end. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoName } from '../abi/errno.ts';
import { signalNumbers } from '../abi/signals.ts';
import type { Ended } from '../linux/children.ts';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { emptyMemoryFile } from '../linux/memory-file.ts';
import { programSteps } from '../plan/program.ts';

const { SIGKILL } = signalNumbers;

/** What ends a program before it is done. */
interface Bounds {
  readonly abort?: AbortSignal | undefined;
  /** For ever without. */
  readonly seconds?: number;
}

/** It did not end by itself. */
export class TimeLimitError extends Error {}

/**
 * The program ends when tsbox does, unless it gained rights when it was executed: prctl(2),
 * PR_SET_PDEATHSIG.
 * @param argv its path first.
 * @returns what it printed.
 * @throws Error with what it said, when it cannot be executed or its exit status is not 0.
 * @throws TimeLimitError
 */
export async function runProgram(argv: readonly string[], bounds: Bounds): Promise<string> {
  const program = argv[0] ?? '';
  const nothing = openSync('/dev/null', 'r+');
  const words = emptyMemoryFile('tsbox-words', 0);
  try {
    const running = interpret({
      steps: programSteps(argv),
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD'],
      stdio: [nothing, words, words],
    });
    const { report } = running.carryOut();
    const { ended, late } = await untilEnd(running, bounds);
    if (report?.state === 'failed')
      throw new Error(`${program} cannot be executed: ${errnoName(report.error)}`);
    if (late && ended.how === 'signalled')
      throw new TimeLimitError(`${program} did not end in ${bounds.seconds} s and was killed`);
    if (ended.how === 'signalled')
      throw new Error(`${program} was ended by signal ${ended.status}`);
    const said = readFileSync(`/proc/self/fd/${words}`, 'utf8').trim();
    if (ended.status === 0) return said;
    throw new Error(said === '' ? `${program}: exit status ${ended.status}` : said);
  } finally {
    closeSync(nothing);
    closeSync(words);
  }
}

/** @returns `late` when it was the time that was up. */
export async function untilEnd(
  running: Interpreter,
  { abort, seconds }: Bounds,
  which: 'alone' | 'with its process group' = 'alone',
): Promise<{ readonly ended: Ended; readonly late: boolean }> {
  const kill = (): void => {
    running.signal(SIGKILL);
    // It is not reaped before its end is told of below, so that the number is still its own.
    if (which === 'with its process group') process.kill(-running.pid, SIGKILL);
  };
  let late = false;
  const timer =
    seconds === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          kill();
        }, seconds * 1000);
  if (abort?.aborted) kill();
  abort?.addEventListener('abort', kill, { once: true });
  try {
    return { ended: await running.end(), late };
  } finally {
    clearTimeout(timer);
    abort?.removeEventListener('abort', kill);
  }
}
