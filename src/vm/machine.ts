/** One attempt to boot a guest: virtiofsd for every share, then QEMU; and all of it ended again. */
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { signalNumbers } from '../abi/signals.ts';
import type { Interpreter } from '../linux/interpreter.ts';
import { connectTo, listenAt, socketPair } from '../linux/unix-socket.ts';
import type { Stdio, Vmm } from '../sandbox/sandbox.ts';
import type { Resources } from '../spec/spec.ts';
import type { HostShare } from './guest.ts';
import type { Premises } from './premises.ts';
import { type Setting, startProgram } from './program.ts';
import type { Accelerator, Card, MemoryFile } from './qemu/command-line.ts';
import { type Qemu, vmmOf } from './qemu/find.ts';
import { Monitor } from './qemu/monitor.ts';
import { type Parts, qemuProgram } from './qemu/program.ts';
import { Session } from './session.ts';
import { virtiofsdProgram } from './virtiofsd.ts';

const { SIGKILL } = signalNumbers;

/** What a machine is made from; paths are the host's. */
export interface MachineRequest extends Setting {
  readonly premises: Premises;
  readonly qemu: Qemu;
  readonly accelerator: Accelerator;
  /** Whether its kernel finds its devices by ACPI. */
  readonly acpi: boolean;
  readonly resources: Resources;
  /** What it boots, or the file with the state in which another one was saved. */
  readonly from:
    | { readonly kind: 'kernel'; readonly kernel: string; readonly initrd: string }
    | {
        readonly kind: 'state';
        readonly file: string;
        /** The name of what it was saved as. */
        readonly template: string;
        /** Whether it was held with its workload, or waits for one. */
        readonly held?: true;
      };
  /** The file that is its memory. */
  readonly memory?: MemoryFile | undefined;
  readonly shares: readonly HostShare[];
  /** The file that is its disk. */
  readonly disk?: string | undefined;
  readonly card?: Connection | undefined;
  /** Whether the workload has one. */
  readonly terminal: boolean;
}

/** What a network card is connected to. */
export interface Connection {
  readonly kind: Card['kind'];
  readonly cable: number;
}

export interface Machine {
  readonly pid: number;
  readonly vmm: Vmm;
  /** Name of the one that it comes from. */
  readonly template: string | undefined;
  readonly session: Session;
  readonly monitor: Monitor;
  /** Settles when QEMU has ended, by itself or otherwise. */
  readonly gone: Promise<void>;
  /** Where it is restored from a state: settles with the reason when it cannot be. */
  readonly restored: Promise<string | undefined>;
  /** Saves its state in a new file, after which it stands still. @returns why it could not. */
  save(file: string): Promise<string | undefined>;
  /** Ends everything; settles when all of it is gone. */
  end(): Promise<void>;
  /** The last lines of the guest's console and of what QEMU and virtiofsd said. */
  lastWords(): string;
  /** Whether its kernel has said that memory was short: it may have been too short for the kernel itself. */
  lacksMemory(): boolean;
}

function stageOf({ from }: Pick<MachineRequest, 'from'>): 'nothing' | 'waiting' | 'held' {
  if (from.kind === 'kernel') return 'nothing';
  return from.held ? 'held' : 'waiting';
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
      session: new Session(channel, stdio, request.terminal, stageOf(request)),
      monitor: new Monitor(monitor),
    };
    return {
      ...parts,
      pid: program.pid,
      vmm: vmmOf(request.qemu, request.accelerator),
      template: request.from.kind === 'state' ? request.from.template : undefined,
      restored: restore(parts.monitor, request),
      save: (file) => withFile(file, 'wx', (fd) => parts.monitor.save(fd)),
      gone: program.end().then(() => undefined),
      end: async () => {
        parts.session.close();
        parts.monitor.close();
        await end();
      },
      lacksMemory: () => saysThatMemoryLacks(consoleOf(request)),
      lastWords: () => lastLines(consoleOf(request)) + lastLines(request.log),
    };
  } catch (error) {
    await end();
    throw error;
  } finally {
    for (const socket of sockets) closeSync(socket);
  }
}

async function restore(
  monitor: Monitor,
  { from }: Pick<MachineRequest, 'from'>,
): Promise<string | undefined> {
  if (from.kind === 'kernel') return undefined;
  return withFile(from.file, 'r', (fd) => monitor.restore(fd));
}

/** The descriptor is open as long as that takes to begin: whoever it is sent to has a copy. */
function withFile<Result>(path: string, flags: string, act: (fd: number) => Result): Result {
  const fd = openSync(path, flags, 0o600);
  try {
    return act(fd);
  } finally {
    closeSync(fd);
  }
}

/** @returns QEMU's process, and this end of the sockets that it was given. */
async function startQemu(request: MachineRequest, shares: readonly number[]) {
  const { disk, card, premises } = request;
  const [channel, theirChannel] = socketPair();
  const [monitor, theirMonitor] = socketPair();
  const opened: number[] = [];
  const open = (path: string, flags: string): number[] => {
    opened.push(openSync(path, flags, 0o600));
    return opened.slice(-1);
  };
  try {
    const extra = [
      ...[theirChannel, theirMonitor, ...open(consoleOf(request), 'w')],
      ...shares,
      ...(disk === undefined ? [] : open(disk, 'r')),
      ...(card === undefined ? [] : [card.cable]),
    ];
    const parts = partsOf(request);
    const program = await startProgram(qemuProgram(premises, parts), extra, request);
    return { program, channel, monitor };
  } catch (error) {
    closeSync(channel);
    closeSync(monitor);
    throw error;
  } finally {
    for (const fd of [theirChannel, theirMonitor, ...opened]) closeSync(fd);
  }
}

export function partsOf({ from, disk, card, ...others }: PartsRequest): Parts {
  return {
    ...others,
    boots: from.kind === 'kernel' ? from : undefined,
    disk: disk !== undefined,
    card: card?.kind,
  };
}

type PartsRequest = Pick<
  MachineRequest,
  'qemu' | 'accelerator' | 'acpi' | 'resources' | 'from' | 'memory' | 'shares' | 'disk'
> & { readonly card?: Pick<Connection, 'kind'> | undefined };

function consoleOf({ state }: Pick<MachineRequest, 'state'>): string {
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

/** The kernel's mm/oom_kill.c. */
const shortOfMemory = /Out of memory: Killed process|System is deadlocked on memory/;

function saysThatMemoryLacks(console: string): boolean {
  try {
    return shortOfMemory.test(readFileSync(console, 'utf8'));
  } catch {
    return false;
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
