/** Starts a program of the host's in its jail (src/plan/jail.ts), and in the box's cgroup. */
import { closeSync, openSync } from 'node:fs';
import { signalNumbers } from '../abi/signals.ts';
import { type Interpreter, interpret } from '../linux/interpreter.ts';
import { SyscallError } from '../linux/native.ts';
import { type Jail, jailNamespaces } from '../plan/jail.ts';
import type { JailedProgram } from '../plan/jailed-program.ts';
import { noteProcess } from './abandoned.ts';
import { carryOut } from './actions.ts';
import { Refused } from './refusal.ts';
import type { BoxState } from './state.ts';
import { failureOf } from './step-failure.ts';

const { SIGKILL } = signalNumbers;

export interface Surroundings {
  /** Descriptor that gets what the program says. */
  readonly output: number;
  /** Of the box that it is for. */
  readonly state: BoxState;
  /** Path of the cgroup, where there is one. */
  readonly cgroup: string | undefined;
}

/**
 * @param extra descriptors that it is given beside its standard streams.
 * @param why it is in a jail.
 * @param meanwhile done while it waits for that, where its jail does ({@link Jail.network}).
 * @throws BoxError when it could not be started; then nothing runs.
 */
export async function startJailed(
  { jail, maps, sections }: JailedProgram,
  extra: readonly number[],
  surroundings: Surroundings,
  why: string,
  meanwhile?: (process: Interpreter) => Promise<void>,
): Promise<Interpreter> {
  const steps = sections.flatMap((section) => section.steps);
  const running = clone(jail, { steps, extra }, surroundings, why);
  try {
    if (surroundings.cgroup === undefined) noteProcess(surroundings.state, running.pid);
    await carryOut(maps, { pid: running.pid });
    if (maps.length > 0) running.go();
    await meanwhile?.(running);
    const failure = failureOf(steps, running.carryOut().report);
    if (failure !== undefined) throw failure;
    return running;
  } catch (error) {
    running.signal(SIGKILL);
    await running.end();
    throw error;
  }
}

function clone(
  jail: Jail,
  launch: Pick<Parameters<typeof interpret>[0], 'steps' | 'extra'>,
  { output, cgroup }: Surroundings,
  why: string,
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
        why,
      },
      { cause: error },
    );
  } finally {
    for (const fd of open) closeSync(fd);
  }
}
