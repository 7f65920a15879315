/** Runs tsbox on the rig beside systemd, as a user who has a session and a manager (tests/rig/user-systemd). */
import { join } from 'node:path';
import type { Ran } from './each-line.ts';
import { onRig } from './rig.ts';

/** Debian's `backup`: D-Bus wants its users to be known. */
export const USER = 34;
export const manager = `/sys/fs/cgroup/user.slice/user-${USER}.slice/user@${USER}.service`;
export const scope = `${manager}/app.slice/tsbox-*.scope`;
/** systemd hears of the end of the last process, and needs a moment then. */
export const untilGone = `
  tries=50; while [ -e ${scope} ] && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done
  ls -d ${scope}`;

/** Brings up the user's bus, and makes the directories that stay. */
const first = `session tsbox run --memory 64m busybox -- true; ${untilGone}`;

/** @param lines as those of onRig; `session` runs a command as the user. */
export function besideSystemd<Name extends string>(
  lines: Readonly<Record<Name, string>>,
): (name: Name) => Promise<Ran> {
  const rig = join(import.meta.dirname, '../rig/user-systemd');
  return onRig({ first, ...lines }, rig, String(USER));
}
