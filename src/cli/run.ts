/** `tsbox run`: one workload in a box, whose standard streams, signals and exit status are tsbox's own. */
import type { Command } from 'commander';
import { signalNumbers } from '../abi/signals.ts';
import { unblockSignal } from '../linux/signal-mask.ts';
import type { Early, Exit, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import { Timeline, timelineOfProcess } from '../sandbox/timeline.ts';
import type { BoxRequest } from '../spec/box.ts';
import { say } from './print.ts';
import { toRequest } from './request.ts';
import { addRunOptions, type RunArguments, toRunArguments } from './run-arguments.ts';
import { showTiming } from './timing.ts';

type Start = (
  request: BoxRequest,
  stdio: Stdio,
  timeline: Timeline,
  early: Early,
) => Promise<Sandbox>;

export type Drivers = Readonly<Record<RunArguments['driver'], Start>>;

export function registerRun(drivers: Drivers): (program: Command) => void {
  return (program) => {
    const command = program
      .command('run')
      .description('run a command in a container, or with --vm in a micro-VM');
    addRunOptions(command).action(async () => {
      await run(toRunArguments(command), drivers);
    });
  };
}

/** Milliseconds for which tsbox has nothing to do but wait: enough for the shortest workloads. */
const PATIENCE = 20;

/** The words of the command line, or what another command makes of them. */
export async function run(
  words: RunArguments,
  drivers: Drivers,
  change: (request: BoxRequest) => BoxRequest = (request) => request,
  stdio: Stdio = { stdin: 0, stdout: 1, stderr: 2 },
): Promise<Sandbox | undefined> {
  const timeline = words.timing.kind === 'off' ? new Timeline() : timelineOfProcess();
  const request = change(toRequest(words));
  timeline.mark('parse');
  const relay = new SignalRelay();
  let sandbox: Sandbox | undefined;
  try {
    sandbox = await drivers[words.driver](request, stdio, timeline, relay);
    relay.to(sandbox);
    process.exitCode = exitCode(await sandbox.wait(PATIENCE));
  } catch (error) {
    if (relay.ended === undefined) throw error;
    process.exitCode = 128 + relay.ended;
  }
  showTiming(timeline, words.timing);
  return sandbox;
}

/** All that a terminal or another program sends, and that can be caught. */
const forwarded = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGWINCH',
] as const;

/** Those that end a program that does nothing about them, and are sent to end it. */
const ending: readonly string[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];

/** Passes signals on to the workload; one that comes before there is any ends the start. */
class SignalRelay {
  #abort: AbortController | undefined;
  readonly #early: number[] = [];
  #sandbox: Sandbox | undefined;
  /** The signal that ended the start. */
  ended: number | undefined;

  constructor() {
    for (const name of forwarded) process.on(name, () => this.#take(name));
    // Node blocks it at its start, and with --disable-sigusr1 for good (native/tsbox.c).
    unblockSignal(signalNumbers.SIGUSR1);
  }

  /** Made when it is asked for: most containers are there before they could be aborted. */
  get abort(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** From now on, and with those that have come already. */
  to(sandbox: Sandbox): void {
    this.ended = undefined;
    this.#sandbox = sandbox;
    for (const signal of this.#early) sandbox.signal(signal);
  }

  #take(name: (typeof forwarded)[number]): void {
    const signal = signalNumbers[name];
    if (this.#sandbox !== undefined) {
      this.#sandbox.signal(signal);
      return;
    }
    this.#early.push(signal);
    if (!ending.includes(name)) return;
    this.ended = signal;
    this.#abort?.abort();
  }
}

/** Also tells what an exit status alone does not. */
function exitCode(exit: Exit): number {
  if (exit.kind === 'exited') return exit.code;
  if (exit.oomKilled) say('the box ran out of memory (--memory), so the kernel ended it');
  return 128 + exit.signal;
}
