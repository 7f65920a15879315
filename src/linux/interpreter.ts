/**
 * Starts tsbox-init on a list of steps: a process whose plan and report are files in memory, tied to
 * this one by a socket (src/plan/parent.ts).
 */
import { closeSync, readSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import type { cloneFlags } from '../abi/flags.ts';
import { knownArch } from '../abi/syscalls.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Joined } from '../plan/namespaces.ts';
import { decodeReport, type Report, reportSize } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';
import { type Ended, endOf } from './children.ts';
import { cloneInit, signalProcess } from './clone.ts';
import { takeListener } from './listener.ts';
import { emptyMemoryFile, memoryFile, takeMemoryFile } from './memory-file.ts';
import { inNamespaces } from './namespaces.ts';
import { SyscallError } from './native.ts';
import { receiveDescriptor, sendDescriptors } from './pass-descriptors.ts';
import { waitFor } from './poll.ts';
import { socketPair } from './unix-socket.ts';

export interface Launch {
  readonly steps: readonly Step[];
  readonly clone: readonly (keyof typeof cloneFlags)[];
  readonly stdio: readonly [number, number, number];
  /** Descriptors that the steps find from number 6 on (src/plan/program.ts). */
  readonly extra?: readonly number[];
  /** Directory of the cgroup into which the process is cloned, with CLONE_INTO_CGROUP. */
  readonly cgroup?: number;
  /** Namespaces of others in which it is from the beginning. */
  readonly joined?: readonly Joined[];
}

/** How far the plan came. */
export interface CarriedOut {
  /** undefined when tsbox-init did not come to write one. */
  readonly report: Report | undefined;
  /** CLOCK_MONOTONIC in nanoseconds at which it was noticed. */
  readonly at: bigint;
}

export interface Interpreter {
  readonly pid: number;
  /** To the process, open until {@link carryOut}. */
  readonly socket: number;
  /** Lets a process go on that waits for what only its parent can do. @param descriptors that it is handed. */
  go(descriptors?: readonly number[]): void;
  /**
   * Takes a descriptor that the process sends (src/plan/terminal.ts): to be called before the two
   * below. @returns undefined when the plan did not come so far.
   */
  takeDescriptor(): number | undefined;
  /**
   * Takes the listener of a filter from the process, which waits in the call `hold` until then, and
   * lets it go on. To be called before {@link carryOut}, once.
   * @param step the number of the step that installs the filter.
   * @returns a descriptor; undefined when the plan did not come so far.
   */
  takeListener(step: number): number | undefined;
  /** Waits until the process sends a byte; false when it has ended, or failed, before. */
  arrives(): boolean;
  /**
   * Waits until the plan's program is executed or the plan has come to an end without: to be called
   * once. Nothing else happens in this thread meanwhile, as it takes a few milliseconds and any way
   * to hear of it later takes longer than that.
   */
  carryOut(): CarriedOut;
  /** Does nothing when the process has ended. */
  signal(signal: number): void;
  /**
   * Settles when the process has ended and is reaped.
   * @param block milliseconds for which this thread first does nothing but wait.
   */
  end(block?: number): Promise<Ended>;
}

/** @throws SyscallError when the process could not be made; nothing is left then. */
export function interpret(launch: Launch): Interpreter {
  const arch = knownArch(process.arch);
  if (arch === undefined) throw new Error(`tsbox has no system call table for ${process.arch}`);
  const open: number[] = [];
  const keep = (fd: number): number => {
    open.push(fd);
    return fd;
  };
  try {
    const plan = keep(memoryFile('tsbox-plan', encodePlan(launch.steps, arch)));
    const size = reportSize(launch.steps.length);
    const report = keep(emptyMemoryFile('tsbox-report', size));
    const [mine, theirs] = socketPair();
    keep(mine);
    const files = [...launch.stdio, plan, report, theirs, ...(launch.extra ?? [])];
    let cloned: ReturnType<typeof cloneInit>;
    try {
      const clone = () => cloneInit(launch.clone, files, launch.cgroup);
      cloned =
        launch.joined === undefined || launch.joined.length === 0
          ? clone()
          : inNamespaces(launch.joined, clone);
    } finally {
      closeSync(theirs);
    }
    closeSync(plan);
    return follow(cloned, mine, { fd: report, size });
  } catch (error) {
    for (const fd of open) closeSync(fd);
    throw error;
  }
}

function follow(
  { pid, pidfd }: { readonly pid: number; readonly pidfd: number },
  socket: number,
  report: { readonly fd: number; readonly size: number },
): Interpreter {
  let ended: Promise<Ended> | undefined;
  let reaped = false;
  let carriedOut = false;
  const takeReport = (): Report | undefined => {
    carriedOut = true;
    closeSync(socket);
    return decodeReport(takeMemoryFile(report.fd, report.size));
  };
  return {
    pid,
    socket,
    go: (descriptors = []) => {
      try {
        sendDescriptors(socket, new Uint8Array(1), descriptors);
      } catch (error) {
        // It has ended already, as its report will say.
        if (!(error instanceof SyscallError && error.errno === errnoNumber('EPIPE'))) throw error;
      }
    },
    takeDescriptor: () => receiveDescriptor(socket),
    arrives: () => hearsByte(socket),
    takeListener: (step) => {
      if (!hearsByte(socket)) return undefined;
      const fd = resultOf(step, pidfd, report);
      return fd === undefined ? undefined : takeListener(pidfd, fd);
    },
    carryOut: () => {
      waitForClosing(socket);
      const at = process.hrtime.bigint();
      return { report: takeReport(), at };
    },
    signal: (signal) => {
      if (!reaped) signalProcess(pidfd, signal);
    },
    end: (block = 0) => {
      ended ??= endOf(pidfd, block).finally(() => {
        reaped = true;
        if (!carriedOut) takeReport();
      });
      return ended;
    },
  };
}

/** false when its end was closed instead. */
function hearsByte(socket: number): boolean {
  try {
    return readSync(socket, new Uint8Array(1)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    return false;
  }
}

/** What the step returned, which takes it no time worth sleeping for; undefined when it failed. */
function resultOf(
  step: number,
  pidfd: number,
  report: { readonly fd: number; readonly size: number },
): number | undefined {
  const bytes = new Uint8Array(report.size);
  for (;;) {
    const ended = waitFor([pidfd], 0.05);
    readSync(report.fd, bytes, 0, report.size, 0);
    const found = decodeReport(bytes);
    const entry = found?.entries[step];
    if (found !== undefined && found.state !== 'running') return undefined;
    if (entry !== undefined && entry.end !== 0n) return Number(entry.result);
    if (ended.readable.length > 0) return undefined;
  }
}

/** The child's end of the socket is closed by its execve or its end. */
function waitForClosing(socket: number): void {
  const buffer = new Uint8Array(16);
  try {
    while (readSync(socket, buffer) > 0);
  } catch (error) {
    // It ended without having read all that it was sent, unix(7).
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}
