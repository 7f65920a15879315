/** Ends and removes what a tsbox that was killed left behind. */
import { removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { carryOut } from './actions.ts';
import { abandonedBoxes } from './state.ts';

/**
 * @param parent the state directory of all boxes.
 * @param say told of each box of which something cannot be removed; it hinders no other.
 */
export async function removeAbandoned(
  parent: string,
  cgroup: CgroupHost | undefined,
  say: (message: string) => void,
): Promise<void> {
  for (const state of abandonedBoxes(parent)) {
    try {
      if (cgroup !== undefined) await carryOut(removeCgroup(cgroup, state.id));
      await state.remove();
    } catch (error) {
      state.abandon();
      say(
        `something is left of box ${state.id}, whose tsbox was killed; the next run tries again to remove it: ${(error as Error).message}`,
      );
    }
  }
}
