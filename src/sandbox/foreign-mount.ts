/** Has a process make a mount that only one in other namespaces can make (src/plan/foreign-mounts.ts). */
import { closeSync, openSync } from 'node:fs';
import { interpret } from '../linux/interpreter.ts';
import type { HostAction } from '../plan/action.ts';
import { BoxError } from './errors.ts';
import { failureOf } from './step-failure.ts';

/** @returns a descriptor of a mount that is not attached anywhere. @throws BoxError */
export async function bringMount({
  steps,
  joined,
  held,
  why,
}: Extract<HostAction, { readonly call: 'foreign_mount' }>): Promise<number> {
  const nothing = openSync('/dev/null', 'r+');
  const extra = held === undefined ? [] : [openSync(held, 'r')];
  try {
    const process = interpret({
      steps,
      clone: ['CLONE_VM', 'CLONE_VFORK', 'CLONE_PIDFD'],
      joined,
      stdio: [nothing, nothing, nothing],
      extra,
    });
    const mount = process.takeDescriptor();
    const { report } = process.carryOut();
    await process.end();
    if (mount !== undefined) return mount;
    throw failureOf(steps, report) ?? new Error('the process ended too early');
  } catch (error) {
    if (error instanceof BoxError) throw error;
    throw new BoxError(`${why}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const fd of [nothing, ...extra]) closeSync(fd);
  }
}
