/**
 * Where a path of the box is found from: the descriptor of the innermost mount around it, by its
 * name, as its own fsmount(2) or open_tree(2) gave it. So what belongs in /proc lands in the box's
 * procfs and nowhere else, even where someone exchanges the image's /proc for another directory once
 * it has been mounted over (the class of CVE-2025-31133). A plan cannot compare what fstatfs(2) says
 * of a descriptor, and has no need to.
 */
import type { Box } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import { isMissing } from './borrowed.ts';
import type { Host } from './host.ts';
import type { Place } from './inside.ts';
import { reachOf } from './mount-words.ts';
import type { Slot } from './step.ts';

/** A mount of the specification, and the slot that holds it. */
export interface OwnMount {
  readonly mount: Mount;
  readonly slot: Slot;
}

/** Those that this host can make, in the order in which they are attached. */
export function ownMounts(box: Box, host: Host): OwnMount[] {
  return box.spec.mounts
    .map((mount, index) => ({ mount, slot: `mount${index}` }))
    .filter(({ mount }) => mount.type !== 'cgroup' || host.cgroup !== undefined)
    .filter(({ mount }) => !isMissing(box, host, mount));
}

/** @param mounts that have been attached. */
export function placeOf(path: string, mounts: readonly OwnMount[]): Place {
  const around = mounts
    .filter(({ mount }) => path.startsWith(`${mount.destination}/`))
    .toSorted((one, other) => one.mount.destination.length - other.mount.destination.length)
    .at(-1);
  if (around === undefined) return { base: 'root', at: '', path };
  const at = around.mount.destination;
  const tree = around.mount.type === 'bind' && reachOf(around.mount) === 'recursive';
  return { base: around.slot, at, path: path.slice(at.length), ...(tree ? { tree } : {}) };
}
