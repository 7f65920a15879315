/** `tsbox run`: one workload in a box, whose standard streams, signals and exit status are tsbox's own. */
import { openSync } from 'node:fs';
import type { Command } from 'commander';
import { signalNumbers } from '../abi/signals.ts';
import type { Early, Exit, Sandbox, Stdio } from '../sandbox/sandbox.ts';
import { Timeline, timelineOfProcess } from '../sandbox/timeline.ts';
import { writeAll } from '../sandbox/write.ts';
import type { BoxRequest } from '../spec/box.ts';
import { SpecError } from '../spec/errors.ts';
import { Attendance } from '../terminal/attendance.ts';
import { type Console, connectConsole } from './console-socket.ts';
import { say } from './print.ts';
import { toRequest } from './request.ts';
import { addRunOptions, type RunArguments, toRunArguments } from './run-arguments.ts';
import { SignalRelay } from './signal-relay.ts';
import { endInTime } from './time-limit.ts';
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
    addRunOptions(command)
      .option('--print-config', 'print an OCI config.json of the box instead of running it')
      .action(async () => {
        const words = toRunArguments(command);
        if (command.opts<{ printConfig?: true }>().printConfig) await printConfig(words);
        else await run(words, drivers);
      });
  };
}

async function printConfig(words: RunArguments): Promise<void> {
  const part = await import('./config.ts');
  const printed = part.printConfig(await toRequest(words), words.driver);
  if ('problems' in printed) throw new SpecError(printed.problems);
  for (const note of printed.notes) say(note);
  writeAll(1, printed.json);
}

/** Milliseconds for which tsbox has nothing to do but wait: enough for the shortest workloads. */
const PATIENCE = 20;

/** The words of the command line, or what another command makes of them. */
export async function run(
  words: RunArguments,
  drivers: Drivers,
  change: (request: BoxRequest) => BoxRequest = (request) => request,
  output: Omit<Stdio, 'stdin'> = { stdout: 1, stderr: 2 },
): Promise<Sandbox | undefined> {
  const { interactive, detachKeys, consoleSocket } = words;
  const timeline = words.timing.kind === 'off' ? new Timeline() : timelineOfProcess();
  const request = change(await toRequest(words));
  timeline.mark('parse');
  const attendance =
    request.spec.process.terminal && consoleSocket === undefined
      ? new Attendance(interactive, detachKeys)
      : undefined;
  if (interactive && attendance?.atTerminal === false)
    say('standard input is no terminal: a program that waits for a key gets what is piped in');
  const console = consoleSocket === undefined ? undefined : connectConsole(consoleSocket);
  const relay = new SignalRelay(request.stopSignal);
  const streams: Stdio = {
    stdin: interactive ? 0 : openSync('/dev/null', 'r'),
    ...output,
    ...(interactive && attendance !== undefined ? { typed: attendance } : {}),
  };
  let sandbox: Sandbox | undefined;
  try {
    sandbox = await drivers[words.driver](request, streams, timeline, relay);
    relay.to(sandbox);
    const { timeout } = request;
    const inTime = timeout === undefined ? undefined : endInTime(sandbox, timeout);
    process.exitCode = exitCode(await endOf(sandbox, attendance, console));
    inTime?.();
  } catch (error) {
    if (relay.ended === undefined) throw error;
    process.exitCode = 128 + relay.ended;
  }
  showTiming(timeline, words.timing, sandbox?.vmm);
  return sandbox;
}

function endOf(
  sandbox: Sandbox,
  attendance: Attendance | undefined,
  console: Console | undefined,
): Promise<Exit> {
  if (console !== undefined) return attendedElsewhere(sandbox, console);
  return attendance?.until(sandbox) ?? sandbox.wait(PATIENCE);
}

async function attendedElsewhere(sandbox: Sandbox, console: Console): Promise<Exit> {
  try {
    if (sandbox.terminal !== undefined) console.take(sandbox.terminal);
  } catch (error) {
    sandbox.signal(signalNumbers.SIGKILL);
    await sandbox.wait();
    throw error;
  }
  return sandbox.wait();
}

/** Also tells what an exit status alone does not. */
function exitCode(exit: Exit): number {
  const KILLED = 128 + signalNumbers.SIGKILL;
  // An init tells of the workload's end by its own status.
  if (exit.oomKilled && (exit.kind === 'signalled' || exit.code === KILLED))
    say('the box ran out of memory (--memory), so the kernel ended it');
  return exit.kind === 'exited' ? exit.code : 128 + exit.signal;
}
