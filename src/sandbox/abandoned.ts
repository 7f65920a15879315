/** Ends and removes what is left of a box: one that did not come to start, or whose tsbox was killed. */
import { removeCgroup } from '../plan/cgroup.ts';
import type { CgroupHost } from '../plan/host.ts';
import { carryOut } from './actions.ts';
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

/** @param which more words about the box, for `say`. */
export async function removeBox(
  state: BoxState,
  cgroup: CgroupHost | undefined,
  say: (message: string) => void,
  which = '',
): Promise<void> {
  try {
    if (cgroup !== undefined) await carryOut(removeCgroup(cgroup, state.id));
    await state.remove();
  } catch (error) {
    state.abandon();
    say(
      `something is left of box ${state.id}${which}; the next run tries again to remove it: ${(error as Error).message}`,
    );
  }
}
