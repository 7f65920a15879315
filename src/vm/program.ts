/** Starts the programs that make up a micro-VM, each in its jail and in the box's cgroup. */
import { closeSync, openSync } from 'node:fs';
import type { Interpreter } from '../linux/interpreter.ts';
import { type Jail, jailNamespaces } from '../plan/jail.ts';
import type { JailedProgram } from '../plan/jailed-program.ts';
import { type Surroundings, startJailed } from '../sandbox/jailed.ts';
import { Refused } from '../sandbox/refusal.ts';

export interface Setting extends Pick<Surroundings, 'cgroup' | 'state'> {
  /** File that gets what the program says. */
  readonly log: string;
}

const why =
  'QEMU and virtiofsd run in a jail, or not at all: a guest that breaks out must find nothing';

/**
 * @param extra descriptors that it is given beside its standard streams.
 * @throws BoxError when it could not be started; then nothing runs.
 */
export async function startProgram(
  program: JailedProgram,
  extra: readonly number[],
  { log, cgroup, state }: Setting,
): Promise<Interpreter> {
  const output = openSync(log, 'a');
  try {
    return await startJailed(program, extra, { output, cgroup, state }, why);
  } catch (error) {
    throw await withCause(error, program.jail);
  } finally {
    closeSync(output);
  }
}

/** Probes find out why, and are loaded when they are needed. */
async function withCause(error: unknown, jail: Jail): Promise<unknown> {
  if (!(error instanceof Refused)) return error;
  const { explain } = await import('../causes/causes.ts');
  return explain(error, jailNamespaces(jail));
}
