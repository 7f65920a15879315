/** Starts the programs that make up a micro-VM, each in its jail and in the box's cgroup. */
import { closeSync, openSync } from 'node:fs';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { SyscallError } from '../linux/native.ts';
import { type Jail, jailMaps, jailNamespaces } from '../plan/jail.ts';
import { noteProcess } from '../sandbox/abandoned.ts';
import { carryOut } from '../sandbox/actions.ts';
import { Refused } from '../sandbox/refusal.ts';
import type { BoxState } from '../sandbox/state.ts';
import { failureOf } from '../sandbox/step-failure.ts';
import type { JailedProgram } from './programs.ts';

export interface Surroundings {
  /** File that gets what the program says. */
  readonly log: string;
  /** Of the box. */
  readonly state: BoxState;
  /** Path of the cgroup, where there is one. */
  readonly cgroup: string | undefined;
}

/**
 * @param extra descriptors that it is given beside its standard streams.
 * @throws BoxError when it could not be started; then nothing runs.
 */
export async function startProgram(
  program: JailedProgram,
  extra: readonly number[],
  surroundings: Surroundings,
): Promise<Interpreter> {
  try {
    return await start(program, extra, surroundings);
  } catch (error) {
    throw await withCause(error, program.jail);
  }
}

async function start(
  { jail, sections }: JailedProgram,
  extra: readonly number[],
  surroundings: Surroundings,
): Promise<Interpreter> {
  const steps = sections.flatMap((section) => section.steps);
  const running = clone(jail, { steps, extra }, surroundings);
  try {
    if (surroundings.cgroup === undefined) noteProcess(surroundings.state, running.pid);
    const maps = jailMaps(jail);
    await carryOut(maps, { pid: running.pid });
    if (maps.length > 0) running.go();
    const failure = failureOf(steps, running.carryOut().report);
    if (failure !== undefined) throw failure;
    return running;
  } catch (error) {
    running.signal(SIGKILL);
    await running.end();
    throw error;
  }
}

/** Probes find out why, and are loaded when they are needed. */
async function withCause(error: unknown, jail: Jail): Promise<unknown> {
  if (!(error instanceof Refused)) return error;
  const { explain } = await import('../causes/causes.ts');
  return explain(error, jailNamespaces(jail));
}

const SIGKILL = 9;

function clone(
  jail: Jail,
  launch: Pick<Parameters<typeof interpret>[0], 'steps' | 'extra'>,
  { log, cgroup }: Surroundings,
): Interpreter {
  const open: number[] = [];
  const keep = (path: string, flags: string): number => {
    const fd = openSync(path, flags);
    open.push(fd);
    return fd;
  };
  const namespaces = jailNamespaces(jail);
  const flags = [...namespaces, ...(cgroup === undefined ? [] : ['CLONE_INTO_CGROUP' as const])];
  try {
    const output = keep(log, 'a');
    return interpret({
      ...launch,
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD', ...flags],
      stdio: [keep('/dev/null', 'r'), output, output],
      ...(cgroup === undefined ? {} : { cgroup: keep(cgroup, 'r') }),
    });
  } catch (error) {
    if (!(error instanceof SyscallError && error.call === 'clone3')) throw error;
    throw new Refused(
      { call: 'clone3', errno: error.errno, clone: flags },
      {
        failed: error.message,
        call: `clone3({flags=${flags.join('|')}})`,
        why: 'QEMU and virtiofsd run in a jail, or not at all: a guest that breaks out must find nothing',
      },
      { cause: error },
    );
  } finally {
    for (const fd of open) closeSync(fd);
  }
}
