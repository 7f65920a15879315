/** One attempt to boot a guest: virtiofsd for every share, then QEMU; and all of it ended again. */
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { signalNumbers } from '../abi/signals.ts';
import type { Interpreter } from '../linux/interpreter.ts';
import { connectTo, listenAt, socketPair } from '../linux/unix-socket.ts';
import type { Stdio } from '../sandbox/sandbox.ts';
import type { BoxState } from '../sandbox/state.ts';
import type { HostShare } from './guest.ts';
import type { Premises } from './premises.ts';
import { type Setting, startProgram } from './program.ts';
import type { Accelerator } from './qemu/command-line.ts';
import { Monitor } from './qemu/monitor.ts';
import { type Parts, qemuProgram } from './qemu/program.ts';
import { Session } from './session.ts';
import { virtiofsdProgram } from './virtiofsd.ts';

const { SIGKILL } = signalNumbers;

export interface MachineRequest extends Omit<Parts, 'disk'>, Setting {
  readonly state: BoxState;
  readonly premises: Premises;
  /** The file that is its disk. */
  readonly file: string | undefined;
  /** The descriptor that its network card is connected to; none where it has no network. */
  readonly cable: readonly number[];
  /** Whether the workload has one. */
  readonly terminal: boolean;
}

export interface Machine {
  readonly pid: number;
  readonly accelerator: Accelerator;
  readonly session: Session;
  readonly monitor: Monitor;
  /** Settles when QEMU has ended, by itself or otherwise. */
  readonly gone: Promise<void>;
  /** Ends everything; settles when all of it is gone. */
  end(): Promise<void>;
  /** The last lines of the guest's console and of what QEMU and virtiofsd said. */
  lastWords(): string;
}

/** @throws BoxError when a program could not be started; nothing runs then. */
export async function startMachine(request: MachineRequest, stdio: Stdio): Promise<Machine> {
  const sockets: number[] = [];
  const running: Interpreter[] = [];
  const end = async (): Promise<void> => {
    for (const program of running) program.signal(SIGKILL);
    await Promise.all(running.map((program) => program.end()));
  };
  try {
    for (const share of request.shares) {
      const { program, socket } = await serveShare(request, share);
      running.push(program);
      sockets.push(socket);
    }
    const { program, channel, monitor } = await startQemu(request, sockets);
    running.push(program);
    const parts = {
      session: new Session(channel, stdio, request.terminal),
      monitor: new Monitor(monitor),
    };
    return {
      ...parts,
      pid: program.pid,
      accelerator: request.accelerator,
      gone: program.end().then(() => undefined),
      end: async () => {
        parts.session.close();
        parts.monitor.close();
        await end();
      },
      lastWords: () => lastLines(consoleOf(request)) + lastLines(request.log),
    };
  } catch (error) {
    await end();
    throw error;
  } finally {
    for (const socket of sockets) closeSync(socket);
  }
}

/** @returns QEMU's process, and this end of the sockets that it was given. */
async function startQemu(request: MachineRequest, shares: readonly number[]) {
  const [channel, theirChannel] = socketPair();
  const [monitor, theirMonitor] = socketPair();
  const console = openSync(consoleOf(request), 'w', 0o600);
  const disk = request.file === undefined ? [] : [openSync(request.file, 'r')];
  try {
    const extra = [theirChannel, theirMonitor, console, ...shares, ...disk, ...request.cable];
    const parts = { ...request, disk: disk.length > 0 };
    const program = await startProgram(qemuProgram(request.premises, parts), extra, request);
    return { program, channel, monitor };
  } catch (error) {
    closeSync(channel);
    closeSync(monitor);
    throw error;
  } finally {
    for (const fd of [theirChannel, theirMonitor, console, ...disk]) closeSync(fd);
  }
}

function consoleOf({ state }: MachineRequest): string {
  return `${state.directory}/console`;
}

/** @returns virtiofsd, and a socket that is connected to it, while it is still starting. */
async function serveShare(request: MachineRequest, share: HostShare) {
  const path = `${request.state.directory}/socket`;
  const listening = listenAt(path);
  try {
    const socket = connectTo(path);
    try {
      const program = virtiofsdProgram(request.premises, share);
      return { program: await startProgram(program, [listening], request), socket };
    } catch (error) {
      closeSync(socket);
      throw error;
    }
  } finally {
    // Connected, it needs no name by which anyone else could find it.
    rmSync(path);
    closeSync(listening);
  }
}

const LAST_LINES = 15;

function lastLines(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').replaceAll('\r', '').trimEnd().split('\n');
    return lines
      .slice(-LAST_LINES)
      .map((line) => `  | ${printable(line)}\n`)
      .join('');
  } catch {
    return '';
  }
}

/** The guest is hostile: what it says must not steer the caller's terminal. */
function printable(line: string): string {
  return line.replaceAll(/(?!\t)\p{Cc}/gu, '?');
}
