/**
 * Writes to /proc. The image may hold anything at /proc, and a write that ends elsewhere sets
 * no limit or label, or the wrong one (CVE-2019-16884, CVE-2025-52881). So the path starts from the
 * descriptor of the procfs that tsbox made itself, and does not leave that mount.
 */
import type { Box } from '../spec/box.ts';
import { openat2, write } from './calls.ts';
import type { Host } from './host.ts';
import { ownMounts } from './places.ts';
import { type Slot, type Step, step } from './step.ts';

/** Why something is written, and what to do when it cannot be. */
interface Reason {
  readonly why: string;
  readonly hint: string;
}

/** After the mounts are made, and before anything is masked. @param path below /proc/self. */
export function writeProcess(
  box: Box,
  host: Host,
  path: string,
  text: string,
  reason: Reason,
): Step[] {
  return writeProcfs(box, host, `self/${path}`, path, text, reason);
}

/** The same for any file. @param path below /proc. @param into the slot that the file gets. */
export function writeProcfs(
  box: Box,
  host: Host,
  path: string,
  into: Slot,
  text: string,
  reason: Reason,
): Step[] {
  const procfs = ownMounts(box, host).find(({ mount }) => mount.type === 'proc')?.slot ?? 'root';
  return [
    step(
      openat2(
        host.arch,
        procfs,
        path,
        ['O_WRONLY', 'O_CLOEXEC'],
        ['RESOLVE_IN_ROOT', 'RESOLVE_NO_XDEV', 'RESOLVE_NO_MAGICLINKS'],
      ),
      `in the procfs that was made above, wherever the image's /proc leads`,
      { into, hint: reason.hint },
    ),
    step(write(into, text), reason.why, { hint: reason.hint }),
  ];
}
