/** A program of the host's that works for a box in a jail (jail.ts): how it is started, as data. */
import type { HostAction } from './action.ts';
import { accountPath } from './cgroup.ts';
import type { Host } from './host.ts';
import { type Jail, jailMaps, jailSections } from './jail.ts';
import type { Section } from './step.ts';

export interface JailedProgram {
  readonly jail: Jail;
  readonly argv: readonly string[];
  /** By the parent, while the new process waits: none without a user namespace. */
  readonly maps: readonly HostAction[];
  readonly sections: readonly Section[];
}

/** @param extra how many descriptors it is given beside its standard streams. */
export function jailedProgram(
  jail: Jail,
  argv: readonly string[],
  extra: number,
  maps: readonly HostAction[] = jailMaps(jail),
): JailedProgram {
  return { jail, argv, maps, sections: jailSections(jail, argv, extra) };
}

/** One that does something for a box while that runs. */
export interface ServerPlan extends JailedProgram {
  /** By tsbox, before it is started. */
  readonly before: readonly HostAction[];
  /** What it uses counts as the box's, which cannot reach it: beside the box's in the one with the limits. */
  readonly cgroup: string | undefined;
}

/**
 * @param id of the box.
 * @param name of the program.
 * @param directory of its cgroup, in the box's.
 */
export function planServer(
  program: JailedProgram,
  host: Host['cgroup'],
  id: string,
  name: string,
  directory = name,
): ServerPlan {
  if (host === undefined) return { ...program, before: [], cgroup: undefined };
  const cgroup = `${accountPath(host, id)}/${directory}`;
  return { ...program, before: [{ call: 'mkdir', path: cgroup, why: `for ${name}` }], cgroup };
}
