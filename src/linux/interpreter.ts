/**
 * Starts tsbox-init on a list of steps: a process whose plan and report are files in memory, tied to
 * this one by a socket (src/plan/parent.ts).
 */
import { closeSync, read, writeSync } from 'node:fs';
import type { cloneFlags } from '../abi/flags.ts';
import { knownArch } from '../abi/syscalls.ts';
import { encodePlan } from '../plan/encode.ts';
import { decodeReport, type Report, reportSize } from '../plan/report.ts';
import type { Step } from '../plan/step.ts';
import { type Ended, endOf } from './children.ts';
import { cloneInit, signalProcess } from './clone.ts';
import { emptyMemoryFile, memoryFile, takeMemoryFile } from './memory-file.ts';
import { socketPair } from './socket-pair.ts';

export interface Launch {
  readonly steps: readonly Step[];
  readonly clone: readonly (keyof typeof cloneFlags)[];
  readonly stdio: readonly [number, number, number];
  /** A descriptor that the steps find as number 6. */
  readonly extra?: number;
  /** Directory of the cgroup into which the process is cloned, with CLONE_INTO_CGROUP. */
  readonly cgroup?: number;
}

export interface Outcome {
  readonly ended: Ended;
  /** undefined when tsbox-init did not come to write one. */
  readonly report: Report | undefined;
  /** CLOCK_MONOTONIC in nanoseconds at which a step's execve was noticed to have succeeded. */
  readonly executed: bigint | undefined;
}

export interface Interpreter {
  readonly pid: number;
  /** Lets a process go on that waits for what only its parent can do. */
  go(): void;
  /** Does nothing when the process has ended. Before the workload is executed, signals wait for it. */
  signal(signal: number): void;
  /** Settles when the workload is executed, or the process has ended without. */
  readonly started: Promise<void>;
  readonly outcome: Promise<Outcome>;
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
    const [mine, theirs] = socketPair();
    keep(mine);
    const plan = keep(memoryFile('tsbox-plan', encodePlan(launch.steps, arch)));
    const size = reportSize(launch.steps.length);
    const report = keep(emptyMemoryFile('tsbox-report', size));
    const files = [...launch.stdio, plan, report, theirs];
    let cloned: ReturnType<typeof cloneInit>;
    try {
      const all = launch.extra === undefined ? files : [...files, launch.extra];
      cloned = cloneInit(launch.clone, all, launch.cgroup);
    } finally {
      closeSync(theirs);
    }
    closeSync(plan);
    return follow(cloned, mine, () => decodeReport(takeMemoryFile(report, size)));
  } catch (error) {
    for (const fd of open) closeSync(fd);
    throw error;
  }
}

function follow(
  { pid, pidfd }: { readonly pid: number; readonly pidfd: number },
  socket: number,
  takeReport: () => Report | undefined,
): Interpreter {
  let state: 'before' | 'running' | 'ended' = 'before';
  const early: number[] = [];
  const closing = closingOf(socket).then((at) => {
    if (state === 'before') state = 'running';
    if (state === 'running') for (const signal of early) signalProcess(pidfd, signal);
    return at;
  });
  const ending = endOf(pidfd).then((ended) => {
    state = 'ended';
    return ended;
  });
  const outcome = Promise.all([ending, closing]).then(([ended, at]): Outcome => {
    const report = takeReport();
    const executed = report?.state === 'running';
    return { ended, report, executed: executed ? at : undefined };
  });
  return {
    pid,
    go: () => {
      try {
        writeSync(socket, '.');
      } catch {
        // EPIPE: it has ended already, as its report will say.
      }
    },
    signal: (signal) => {
      // Until it executes the workload the first process of a PID namespace ignores most signals.
      if (state === 'before' && signal !== SIGKILL) early.push(signal);
      else if (state !== 'ended') signalProcess(pidfd, signal);
    },
    started: closing.then(() => undefined),
    outcome,
  };
}

const SIGKILL = 9;

/** When the other end of the socket was closed; closes this end, too. */
function closingOf(socket: number): Promise<bigint> {
  const buffer = new Uint8Array(16);
  return new Promise((settle) => {
    const next = () =>
      read(socket, buffer, 0, buffer.length, null, (error, size) => {
        if (error === null && size > 0) return next();
        const at = process.hrtime.bigint();
        closeSync(socket);
        settle(at);
      });
    next();
  });
}
