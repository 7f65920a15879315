/** Starts the programs that make up a micro-VM, in the box's cgroup. */
import { closeSync, openSync } from 'node:fs';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import type { CloneFlag } from '../plan/container.ts';
import type { Step } from '../plan/step.ts';
import { failureOf } from '../sandbox/step-failure.ts';

export interface Program {
  readonly steps: readonly Step[];
  readonly namespaces: readonly CloneFlag[];
  /** File that gets what the program says. */
  readonly log: string;
  readonly extra: readonly number[];
  /** Path of the cgroup, where there is one. */
  readonly cgroup: string | undefined;
}

/** @throws BoxError when it could not be started; then nothing runs. */
export async function startProgram(program: Program): Promise<Interpreter> {
  const running = clone(program);
  const failure = failureOf(program.steps, running.carryOut().report);
  if (failure === undefined) return running;
  await running.end();
  throw failure;
}

/** @throws SyscallError */
function clone({ steps, namespaces, log, extra, cgroup }: Program): Interpreter {
  const open: number[] = [];
  const keep = (path: string, flags: string): number => {
    const fd = openSync(path, flags);
    open.push(fd);
    return fd;
  };
  try {
    const output = keep(log, 'a');
    return interpret({
      steps,
      clone: [
        'CLONE_VM',
        'CLONE_VFORK',
        'CLONE_PIDFD',
        ...namespaces,
        ...(cgroup === undefined ? [] : ['CLONE_INTO_CGROUP' as const]),
      ],
      stdio: [keep('/dev/null', 'r'), output, output],
      extra,
      ...(cgroup === undefined ? {} : { cgroup: keep(cgroup, 'r') }),
    });
  } finally {
    for (const fd of open) closeSync(fd);
  }
}
