/** Ends and removes what a tsbox that was killed left behind. */
import { removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { carryOut, notHere } from './actions.ts';
import { abandonedBoxes } from './state.ts';

/** @param parent the state directory of all boxes. */
export async function removeAbandoned(
  parent: string,
  cgroup: CgroupHost | undefined,
): Promise<void> {
  for (const state of abandonedBoxes(parent)) {
    if (cgroup !== undefined) await carryOut(removeCgroup(cgroup, state.id), 0, notHere);
    state.remove();
  }
}
