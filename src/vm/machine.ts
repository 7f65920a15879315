/** One attempt to boot a guest: virtiofsd for every share, then QEMU; and all of it ended again. */
import { closeSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Interpreter } from '../linux/interpreter.ts';
import { socketPair } from '../linux/socket-pair.ts';
import type { Host } from '../plan/host.ts';
import { EXTRA_DESCRIPTOR, exposeDirectory, programSteps } from '../plan/program.ts';
import { BoxError } from '../sandbox/errors.ts';
import type { Stdio } from '../sandbox/sandbox.ts';
import type { BoxState } from '../sandbox/state.ts';
import type { Resources } from '../spec/spec.ts';
import type { HostShare } from './guest.ts';
import { startProgram } from './program.ts';
import { type Accelerator, qemuCommand } from './qemu.ts';
import { Session } from './session.ts';
import { findPrograms } from './tools.ts';

export interface MachineRequest {
  readonly state: BoxState;
  readonly arch: Host['arch'];
  readonly cgroup: string | undefined;
  readonly kernel: string;
  readonly initrd: string;
  readonly shares: readonly HostShare[];
  readonly resources: Resources;
  readonly accelerator: Accelerator;
}

export interface Machine {
  readonly pid: number;
  readonly session: Session;
  /** Settles when QEMU has ended by itself, or was ended. */
  readonly gone: Promise<void>;
  /** Ends everything; settles when all of it is gone. */
  end(): Promise<void>;
  /** The last lines of the guest's console and of what QEMU and virtiofsd said. */
  lastWords(): string;
}

/** @throws BoxError when a program could not be started; nothing runs then. */
export async function startMachine(request: MachineRequest, stdio: Stdio): Promise<Machine> {
  const { state, cgroup } = request;
  const programs = findPrograms();
  const log = `${state.directory}/log`;
  const running: Interpreter[] = [];
  const end = async (): Promise<void> => {
    for (const program of running) program.signal(SIGKILL);
    await Promise.all(running.map((program) => program.end()));
  };
  try {
    const shares: { tag: string; socket: string }[] = [];
    for (const share of request.shares) {
      const socket = `${state.directory}/${share.tag}.socket`;
      running.push(await serveShare(request, share, programs.virtiofsd, socket, log));
      shares.push({ tag: share.tag, socket });
    }
    for (const [index, { socket }] of shares.entries())
      await appearance(socket, running[index], log);
    const [mine, theirs] = socketPair();
    const argv = qemuCommand(programs.qemu, {
      ...request,
      shares,
      console: `${state.directory}/console`,
      channel: EXTRA_DESCRIPTOR,
      tscKhz: tscKhz(),
    });
    const program = { steps: programSteps(argv), namespaces: [], log, extra: theirs, cgroup };
    const qemu = await startProgram(program);
    closeSync(theirs);
    running.push(qemu);
    const gone = qemu.end().then(() => undefined);
    const session = new Session(mine, stdio);
    return {
      pid: qemu.pid,
      session,
      gone,
      end: async () => {
        session.close();
        await end();
      },
      lastWords: () => lastLines(`${state.directory}/console`) + lastLines(log),
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const SIGKILL = 9;

function serveShare(
  { state, arch, cgroup }: MachineRequest,
  share: HostShare,
  virtiofsd: string,
  socket: string,
  log: string,
): Promise<Interpreter> {
  const place = `${state.directory}/${share.tag}`;
  mkdirSync(place);
  const access = share.readonly ? 'read-only' : 'writable';
  const argv = [virtiofsd, `--socket-path=${socket}`, '--rlimit-nofile=0', '-o', `source=${place}`];
  return startProgram({
    steps: programSteps(
      [...argv, '-o', 'sandbox=namespace'],
      exposeDirectory(arch, share.source, place, access),
    ),
    namespaces: ['CLONE_NEWNS'],
    log,
    cgroup,
  });
}

/** Seconds within which a program of the host's must be ready. */
const PATIENCE = 10;

async function appearance(
  socket: string,
  server: Interpreter | undefined,
  log: string,
): Promise<void> {
  let ended = false;
  void server?.end().then(() => {
    ended = true;
  });
  for (let waited = 0; !existsSync(socket); waited++) {
    if (ended || waited > PATIENCE * 1000)
      throw new BoxError(
        `virtiofsd did not start: it serves the root file system and the volumes to the micro-VM:\n${lastLines(log)}`,
      );
    await sleep(1);
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
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
  return line.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?');
}

/** Half of bogomips, in kilohertz, where the processor's time stamp counter runs at a fixed rate. */
function tscKhz(): number | undefined {
  const bogomips = /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return bogomips === undefined ? undefined : Math.round(Number(bogomips) * 500);
}
