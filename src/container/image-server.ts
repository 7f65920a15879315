/**
 * Runs fuse-overlayfs for a box (src/plan/image-server.ts). It ends with tsbox, and no later than the
 * box: a server that does not answer keeps who asked it in a sleep that only its own end can end, so
 * it is ended as soon as the box's first process is about to end, whatever others of the box wait for.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { signalNumbers } from '../abi/signals.ts';
import type { Ended } from '../linux/children.ts';
import { makeNonBlocking } from '../linux/descriptor.ts';
import type { Interpreter } from '../linux/interpreter.ts';
import { receiveDescriptor } from '../linux/pass-descriptors.ts';
import { waitFor } from '../linux/poll.ts';
import { socketPair } from '../linux/unix-socket.ts';
import type { Host, RootServer } from '../plan/host.ts';
import { type ImageServer, planImageServer } from '../plan/image-server.ts';
import { FUSE_DEVICE, fuseOverlayfs } from '../plan/served-root.ts';
import { carryOut } from '../sandbox/actions.ts';
import { startJailed } from '../sandbox/jailed.ts';
import type { BoxState } from '../sandbox/state.ts';
import { systemPlaces } from '../sandbox/system-places.ts';
import { locate, programs } from '../sandbox/tool.ts';
import type { Box } from '../spec/box.ts';

const { SIGKILL } = signalNumbers;

/** @returns undefined where it is not installed, may not open FUSE or could not be jailed. */
export function findRootServer({ mountApi }: Pick<Host, 'mountApi'>): RootServer | undefined {
  if (mountApi === 'paths' || !opens(FUSE_DEVICE)) return undefined;
  const program = locate({ name: 'fuse-overlayfs', places: programs });
  return program === undefined ? undefined : fuseOverlayfs(program);
}

function opens(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'));
    return true;
  } catch {
    return false;
  }
}

export function imageServerOf(box: Box, host: Host, program: string): ImageServer {
  return planImageServer(box, host, program, systemPlaces());
}

export interface RunningServer {
  /**
   * To be called when the box has ended, or must.
   * @param box one that has run may take the last mount with it while the server reads, which fails then
   *   with ECONNABORTED, as it should.
   * @returns why it had ended before, and not as it should.
   */
  end(box: 'has run' | 'never ran'): Promise<string | undefined>;
}

/**
 * Takes the descriptor of FUSE from the box, which waits, and lets it go on once the program runs, up
 * to its workload.
 * @returns undefined when the box did not come so far.
 * @throws Error that says why it does not run
 */
export async function startImageServer(
  running: Interpreter,
  box: Box,
  host: Host,
  program: string,
  state: BoxState,
  abort: AbortSignal | undefined,
): Promise<RunningServer | undefined> {
  const device = receiveDescriptor(running.socket);
  if (device === undefined) return undefined;
  const [words, output] = socketPair();
  // Of what nobody reads the last is lost: a program that says much neither waits nor uses up memory.
  makeNonBlocking(words);
  makeNonBlocking(output);
  let following: RunningServer;
  try {
    const plan = imageServerOf(box, host, program);
    await carryOut(plan.before);
    const server = await startJailed(
      plan,
      [device],
      { output, cgroup: plan.cgroup, state },
      'fuse-overlayfs runs in a jail, or not at all: who takes it over must find nothing',
    );
    following = follow(server, running.pid, words);
  } catch (error) {
    closeSync(words);
    throw error;
  } finally {
    // Where nobody else holds it, what is asked of a server that has ended fails.
    closeSync(device);
    closeSync(output);
  }
  try {
    running.go();
    await untilHeard(running.socket, abort);
    return following;
  } catch (error) {
    await following.end('never ran');
    throw error;
  }
}

/**
 * Settles when the box has come to its workload, or to its end without.
 * @throws Error when that takes too long, or is aborted.
 */
async function untilHeard(socket: number, abort: AbortSignal | undefined): Promise<void> {
  const until = performance.now() + MOST_FOR_START;
  while (waitFor([socket], 0).readable.length === 0) {
    if (abort?.aborted || performance.now() > until)
      throw new Error('fuse-overlayfs does not answer');
    await sleep(PAUSE);
  }
}

/** Milliseconds for the few files that are looked up before the workload starts, and between two looks. */
const MOST_FOR_START = 60_000;
const PAUSE = 2;
/** Milliseconds between two looks at whether the box is about to end, and for the server's own end. */
const LOOK = 500;
const MOST_FOR_END = 5_000;

function follow(server: Interpreter, first: number, words: number): RunningServer {
  let ended: Ended | undefined;
  let asked = false;
  let withBox = false;
  const gone = server.end().then((how) => {
    ended = how;
    withBox = how.how === 'exited' && isEnding(first);
  });
  const kill = (): void => {
    // One that has begun to end by itself is not yet heard of.
    asked ||= ended === undefined && !isEnding(server.pid);
    server.signal(SIGKILL);
  };
  const look = setInterval(() => {
    if (isEnding(first)) kill();
  }, LOOK);
  return {
    end: async (box) => {
      clearInterval(look);
      kill();
      await Promise.race([gone, sleep(MOST_FOR_END, undefined, { ref: false })]);
      const said = takeWords(words);
      if (asked || ended === undefined || (box === 'has run' && withBox)) return undefined;
      if (ended.how === 'exited' && ended.status === 0) return undefined;
      return ended.how === 'exited'
        ? `fuse-overlayfs ended: exit status ${ended.status}: ${said}`
        : `fuse-overlayfs ended: signal ${ended.status}`;
    },
  };
}

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
