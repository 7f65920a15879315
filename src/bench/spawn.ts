/**
 * Times a whole process: from before Node starts it to Node's hearing of its end. Node's own share
 * (its fork, the turn of its event loop) is in every subject's time alike, the host process's too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { MAX_TEXT, TextTail } from './text-tail.ts';

export interface ProcessRun {
  /** CLOCK_MONOTONIC, nanoseconds: just before the start, and when the end was heard of. */
  readonly start: bigint;
  readonly end: bigint;
  /** Exit status; 128 and the signal's number when a signal ended it; 127 when it did not start. */
  readonly status: number;
  readonly stdout: string;
  /** Its last lines, or why it did not start. */
  readonly stderr: string;
}

const running = new Set<ChildProcess>();
let ending = false;

/**
 * Ends the processes that are being timed, by SIGTERM and, after a while, by SIGKILL. From then on no
 * other is started and no run comes to its end: this process is about to end.
 */
export async function endRunning(): Promise<void> {
  ending = true;
  const alive = [...running].filter(
    (child) => child.exitCode === null && child.signalCode === null,
  );
  await Promise.all(
    alive.map(async (child) => {
      const ended = new Promise((settle) => child.once('exit', settle));
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), GRACE);
      await ended;
      clearTimeout(late);
    }),
  );
}

/** How long a process that is to end, or a grandchild that keeps its streams open, is waited for, in milliseconds. */
const GRACE = 1000;

/** @param output `keep` collects standard output, `drop` sends it to /dev/null. */
export function runProcess(
  argv: readonly string[],
  output: 'keep' | 'drop',
  timeoutSeconds: number,
): Promise<ProcessRun> {
  if (ending) return new Promise(() => undefined);
  const [program = '', ...args] = argv;
  const start = process.hrtime.bigint();
  const child = spawn(program, args, {
    stdio: ['ignore', output === 'keep' ? 'pipe' : 'ignore', 'pipe'],
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  const [stdout, stderr] = [new TextTail(MAX_TEXT), new TextTail(MAX_TEXT)];
  child.stdout?.on('data', (chunk: Buffer) => stdout.add(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.add(chunk));
  return new Promise((settle) => {
    let end = start;
    let why = '';
    let timer = setTimeout(() => {
      why = `still running after ${timeoutSeconds} s, so it was ended\n`;
      child.kill('SIGKILL');
    }, timeoutSeconds * 1000);
    const done = (status: number) => {
      clearTimeout(timer);
      if (ending) return;
      settle({ start, end, status, stdout: stdout.text(), stderr: why + stderr.text() });
    };
    child.once('exit', () => {
      end = process.hrtime.bigint();
      clearTimeout(timer);
      timer = setTimeout(() => closeStreams(child), GRACE);
    });
    child.once('error', (error) => {
      why = error.message;
      done(127);
    });
    child.once('close', (code, signal) =>
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

function closeStreams(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/** Milliseconds that a run took. */
export function milliseconds(run: ProcessRun): number {
  return Number(run.end - run.start) / 1e6;
}
