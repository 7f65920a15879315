/** Where boxes can have their cgroups: cgroups(7), "Cgroups delegation". */
import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CgroupHost, CgroupLack } from '../plan/host.ts';
import { isInitialUserNamespace } from './caller-ids.ts';

/** @returns why there is no such place, in a word, where there is none. */
export function findCgroups(): CgroupHost | CgroupLack {
  const mount = cgroupMount();
  if (mount === undefined) return 'not mounted';
  // Root of a container may have been given its top, and who has become root by a user namespace not.
  if (process.geteuid?.() === 0 && (isInitialUserNamespace() || isChangeable(mount)))
    return { mount, top: mount, controllers: words(`${mount}/cgroup.controllers`) };
  return delegated(mount) ?? 'not delegated';
}

/** Where version 2 is mounted; undefined where it is not. */
export function cgroupMount(): string | undefined {
  return cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** The cgroup that this process is in, by the path of its directory: cgroups(7), "/proc/pid/cgroup". */
export function ownCgroup(mount: string): string {
  const [, path = '/'] = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
  return `${mount}${path}`;
}

/** proc_pid_mountinfo(5): the fifth field is the mount point, the first after ` - ` the type. */
export function cgroup2Mount(mountinfo: string): string | undefined {
  return /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(mountinfo)?.[1];
}

/**
 * The nearest cgroup around this process that its user may change. Processes can be put into cgroups
 * below it then; limits need one that holds no process itself ("no internal processes").
 */
function delegated(mount: string): CgroupHost | undefined {
  const own = around(mount);
  const [nearest] = own;
  if (nearest === undefined) return undefined;
  const free = own.find(
    (directory) => !isDivided(directory) && words(`${directory}/cgroup.procs`).length === 0,
  );
  return free === undefined
    ? { mount, top: nearest, controllers: words(`${nearest}/cgroup.subtree_control`) }
    : { mount, top: free, controllers: words(`${free}/cgroup.controllers`) };
}

/** Those that belong to the user, from this process's own upwards. */
function around(mount: string): string[] {
  const found: string[] = [];
  for (
    let directory = ownCgroup(mount);
    directory.startsWith(`${mount}/`);
    directory = dirname(directory)
  )
    if (isChangeable(directory)) found.push(directory);
  return found;
}

/** systemd divides slices and its own cgroup itself, for the user's units: its "Control Group APIs and Delegation". */
function isDivided(directory: string): boolean {
  return /\.slice$|\/user@\d+\.service$/.test(directory);
}

/** The files that are given to whom a cgroup is delegated. */
function isChangeable(directory: string): boolean {
  try {
    for (const file of ['', '/cgroup.procs', '/cgroup.subtree_control'])
      accessSync(`${directory}${file}`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Of a file of a cgroup's. */
export function words(file: string): string[] {
  const text = readFileSync(file, 'utf8').trim();
  return text === '' ? [] : text.split(/\s+/);
}
