/** One attempt to boot a guest: virtiofsd for every share, then QEMU; and all of it ended again. */
import { closeSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import type { Interpreter } from '../linux/interpreter.ts';
import { listenAt, socketPair } from '../linux/unix-socket.ts';
import type { Host } from '../plan/host.ts';
import { exposeDirectory, FIRST_EXTRA, programSteps } from '../plan/program.ts';
import type { Stdio } from '../sandbox/sandbox.ts';
import type { BoxState } from '../sandbox/state.ts';
import type { Resources } from '../spec/spec.ts';
import type { HostShare } from './guest.ts';
import { Monitor } from './monitor.ts';
import { startProgram } from './program.ts';
import { type Accelerator, qemuCommand } from './qemu.ts';
import { Session } from './session.ts';
import { find, qemu, virtiofsd } from './tools.ts';

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
  const { directory } = request.state;
  const log = `${directory}/log`;
  const running: Interpreter[] = [];
  const end = async (): Promise<void> => {
    for (const program of running) program.signal(SIGKILL);
    await Promise.all(running.map((program) => program.end()));
  };
  try {
    for (const share of request.shares) running.push(await serveShare(request, share, log));
    const { program, channel, monitor } = await startQemu(request, log);
    running.push(program);
    const parts = { session: new Session(channel, stdio), monitor: new Monitor(monitor) };
    return {
      ...parts,
      pid: program.pid,
      gone: program.end().then(() => undefined),
      end: async () => {
        parts.session.close();
        parts.monitor.close();
        await end();
      },
      lastWords: () => lastLines(`${directory}/console`) + lastLines(log),
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const SIGKILL = 9;

/** @returns QEMU's process, and this end of the sockets that it was given. */
async function startQemu(request: MachineRequest, log: string) {
  const [channel, theirChannel] = socketPair();
  const [monitor, theirMonitor] = socketPair();
  try {
    const argv = machineCommand(request);
    const extra = [theirChannel, theirMonitor];
    const steps = programSteps(argv, extra.length);
    const { cgroup } = request;
    const program = await startProgram({ steps, namespaces: [], log, extra, cgroup });
    return { program, channel, monitor };
  } catch (error) {
    closeSync(channel);
    closeSync(monitor);
    throw error;
  } finally {
    closeSync(theirChannel);
    closeSync(theirMonitor);
  }
}

/** QEMU's command line. @throws BoxError when QEMU is not there. */
export function machineCommand(
  request: Omit<MachineRequest, 'state' | 'arch' | 'cgroup'> & {
    readonly state: Pick<BoxState, 'directory'>;
  },
): string[] {
  const { directory } = request.state;
  return qemuCommand(find(qemu), {
    ...request,
    shares: request.shares.map(({ tag }) => ({ tag, socket: socketOf(directory, tag) })),
    console: `${directory}/console`,
    channel: FIRST_EXTRA,
    monitor: FIRST_EXTRA + 1,
    tscKhz: tscKhz(),
  });
}

function socketOf(directory: string, tag: string): string {
  return `${directory}/${tag}.socket`;
}

/** QEMU can connect at once, while virtiofsd is still starting. */
async function serveShare(
  { state, arch, cgroup }: MachineRequest,
  share: HostShare,
  log: string,
): Promise<Interpreter> {
  const place = `${state.directory}/${share.tag}`;
  // An attempt under KVM that failed has left both.
  mkdirSync(place, { recursive: true });
  rmSync(socketOf(state.directory, share.tag), { force: true });
  const access = share.readonly ? 'read-only' : 'writable';
  const options = ['-o', `source=${place}`, '-o', 'sandbox=namespace'];
  const argv = [find(virtiofsd), `--fd=${FIRST_EXTRA}`, '--rlimit-nofile=0', ...options];
  const socket = listenAt(socketOf(state.directory, share.tag));
  try {
    return await startProgram({
      steps: programSteps(argv, 1, exposeDirectory(arch, share.source, place, access)),
      namespaces: ['CLONE_NEWNS'],
      log,
      extra: [socket],
      cgroup,
    });
  } finally {
    closeSync(socket);
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

/** Half of bogomips, in kilohertz, where the processor's time stamp counter runs at a fixed rate. */
function tscKhz(): number | undefined {
  const bogomips = /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return bogomips === undefined ? undefined : Math.round(Number(bogomips) * 500);
}
