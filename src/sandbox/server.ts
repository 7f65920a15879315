/**
 * A program of the host's that does something for a box while that runs, and ends with it: followed,
 * so that what became of it can be told.
 */
import { closeSync, existsSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ended } from '../linux/children.ts';
import { makeNonBlocking } from '../linux/descriptor.ts';
import type { Interpreter } from '../linux/interpreter.ts';
import { waitFor } from '../linux/poll.ts';
import { socketPair } from '../linux/unix-socket.ts';
import type { ServerPlan } from '../plan/jailed-program.ts';
import { carryOut } from './actions.ts';
import { startJailed } from './jailed.ts';
import type { BoxState } from './state.ts';

export interface RunningServer {
  readonly pid: number;
  /** Whether it has ended. */
  hasEnded(): boolean;
  /**
   * To be called when the box has ended, or must.
   * @param box one that has run may have ended the server as it should end: with status 0, or when its
   *   first process had begun to end.
   * @returns why it had ended before, and not as it should.
   */
  end(box: 'has run' | 'never ran'): Promise<string | undefined>;
}

export interface Beginning {
  /** Descriptors that it is given. */
  readonly extra?: readonly number[];
  /** The box's first process, a child, with which it ends; one that ends by itself needs none. */
  readonly first?: number;
  /** While it waits for that: {@link startJailed}. */
  readonly meanwhile?: (process: Interpreter) => Promise<void>;
}

/**
 * @param name what it is called.
 * @throws Error that says why it does not run; nothing runs then.
 */
export async function startServer(
  name: string,
  plan: ServerPlan,
  state: BoxState,
  { extra = [], first, meanwhile }: Beginning,
): Promise<RunningServer> {
  const [words, output] = socketPair();
  // Of what nobody reads the last is lost: a program that says much neither waits nor uses up memory.
  makeNonBlocking(words);
  makeNonBlocking(output);
  try {
    await carryOut(plan.before);
    const server = await startJailed(
      plan,
      extra,
      { output, cgroup: plan.cgroup, state },
      `${name} runs in a jail, or not at all: who takes it over must find nothing`,
      meanwhile,
    );
    return follow(name, server, first, words);
  } catch (error) {
    closeSync(words);
    throw error;
  } finally {
    closeSync(output);
  }
}

/**
 * Settles when something can be read.
 * @param hopeless whether nothing will come any more.
 * @throws Error when that takes too long, or is aborted.
 */
export async function untilHeard(
  name: string,
  fd: number,
  abort: AbortSignal | undefined,
  hopeless: () => boolean = () => false,
): Promise<void> {
  const until = performance.now() + MOST_FOR_START;
  while (waitFor([fd], 0).readable.length === 0 && !hopeless()) {
    if (abort?.aborted || performance.now() > until) throw new Error(`${name} does not answer`);
    await sleep(PAUSE);
  }
}

/** Milliseconds for what is done before the workload starts, and between two looks. */
const MOST_FOR_START = 60_000;
const PAUSE = 2;
/** Milliseconds between two looks at whether the box is about to end, and for the server's own end. */
const LOOK = 500;
const MOST_FOR_END = 5_000;

function follow(
  name: string,
  server: Interpreter,
  first: number | undefined,
  words: number,
): RunningServer {
  const boxIsEnding = () => first !== undefined && isEnding(first);
  let ended: Ended | undefined;
  let asked = false;
  let withBox = false;
  const gone = server.end().then((how) => {
    ended = how;
    withBox = how.how === 'exited' && boxIsEnding();
  });
  const kill = (): void => {
    // One that has begun to end by itself is not yet heard of.
    asked ||= ended === undefined && !isEnding(server.pid);
    server.signal(SIGKILL);
  };
  const look = setInterval(() => {
    if (boxIsEnding()) kill();
  }, LOOK);
  return {
    pid: server.pid,
    hasEnded: () => ended !== undefined,
    end: async (box) => {
      clearInterval(look);
      kill();
      await Promise.race([gone, sleep(MOST_FOR_END, undefined, { ref: false })]);
      const said = takeWords(words);
      if (asked || ended === undefined || (box === 'has run' && withBox)) return undefined;
      if (ended.how === 'exited' && ended.status === 0) return undefined;
      return ended.how === 'exited'
        ? `${name} ended: exit status ${ended.status}: ${said}`
        : `${name} ended: signal ${ended.status}`;
    },
  };
}

const SIGKILL = 9;

/**
 * Whether the process, a child, has ended or begun to, with all its threads: proc_pid_stat(5). It may wait
 * for all others of its PID namespace; its first thread may have ended long before the others.
 */
function isEnding(pid: number): boolean {
  const PF_EXITING = 4;
  const flagsOf = (thread: string): number => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    return Number(stat.split(') ').at(-1)?.split(' ')[6]);
  };
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => (flagsOf(thread) & PF_EXITING) !== 0);
  } catch {
    // All of it is gone, or a thread has ended between the two: the next look tells.
    return !existsSync(`/proc/${pid}`);
  }
}

/** Its last line. */
function takeWords(words: number): string {
  try {
    const bytes = Buffer.alloc(4096);
    const text = bytes.toString('utf8', 0, readSync(words, bytes)).trim();
    return text.split('\n').at(-1) ?? '';
  } catch {
    return '';
  } finally {
    closeSync(words);
  }
}
