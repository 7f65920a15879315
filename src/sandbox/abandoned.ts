/** Ends and removes what is left of a box: one that did not come to start, or whose tsbox was killed. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { endNamed, nameProcess } from '../linux/survivor.ts';
import { removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { carryOut } from './actions.ts';
import type { InterfaceEnd } from './networks.ts';
import { abandonedBoxes, type BoxState, type StateDirectory } from './state.ts';

/**
 * @param say told of each box of which something cannot be removed; it hinders no other.
 */
export async function removeAbandoned(
  parent: StateDirectory,
  cgroup: CgroupHost | undefined,
  say: (message: string) => void,
): Promise<void> {
  for (const state of abandonedBoxes(parent))
    await removeBox(state, cgroup, say, ', whose tsbox was killed');
}

/**
 * Has the next run end a process that outlives tsbox, as it may: a change of its user is enough to take
 * it out of the parent's hands (prctl(2), PR_SET_PDEATHSIG). To be called before the workload can do
 * anything; where the box has a cgroup, that holds all of it anyway.
 */
export function noteProcess(state: BoxState, pid: number): void {
  const name = nameProcess(pid);
  if (name !== undefined) state.note(name);
}

/** A box that has nothing to do with networks is none the slower. @throws Error */
export async function leaveNetworks(
  { id, directory }: BoxState,
  end: InterfaceEnd = 'removed',
): Promise<void> {
  const boxes = dirname(directory);
  if (!existsSync(join(dirname(boxes), 'networks/boxes', id))) return;
  const { endNetwork } = await import('./box-network.ts');
  await endNetwork(boxes, id, end);
}

/** Milliseconds that a killed process may take. */
const PATIENCE = 2000;

/** @param which more words about the box, for `say`. */
export async function removeBox(
  state: BoxState,
  cgroup: CgroupHost | undefined,
  say: (message: string) => void,
  which = '',
): Promise<void> {
  try {
    if (cgroup !== undefined) await carryOut(removeCgroup(cgroup, state.id));
    for (const name of state.notes()) endNamed(name, PATIENCE);
    await leaveNetworks(state);
    await state.remove();
  } catch (error) {
    state.abandon();
    say(
      `something is left of box ${state.id}${which}; the next run tries again to remove it: ${(error as Error).message}`,
    );
  }
}
