/**
 * Who the workload is: user, groups, capabilities, and that it can never gain more. The order is
 * the kernel's: groups before the user, the bounding set while CAP_SETPCAP is held, capset(2) last.
 */
import { capabilityNames } from '../abi/capabilities.ts';
import type { Box } from '../spec/box.ts';
import type { IdMapping } from '../spec/spec.ts';
import { prctl, setgroups, setresgid, setresuid } from './calls.ts';
import type { Host } from './host.ts';
import { keepsGroups } from './id-maps.ts';
import { setSecureBits } from './process-calls.ts';
import { setCapabilities } from './seccomp.ts';
import { type Step, step } from './step.ts';

/** In a user namespace, whose maps are there by now: becomes its root. */
export function enterUserNamespace(box: Box, host: Host): Step[] {
  const { uidMappings, gidMappings } = box.spec.linux;
  if (uidMappings.length === 0) return [];
  return [
    ...(keepsGroups(box, host)
      ? []
      : [step(setgroups([]), "none of the caller's groups comes along")]),
    step(setresgid(firstId(gidMappings)), 'a group of the user namespace'),
    step(
      setresuid(firstId(uidMappings)),
      'a user of the user namespace, in which it has every capability until it gives them up',
    ),
  ];
}

/** Root, unless the box has none. */
export function firstId(map: readonly IdMapping[]): number {
  return Math.min(...map.map(({ containerID }) => containerID));
}

export function becomeUser(box: Box, host: Host): Step[] {
  const { user, capabilities, noNewPrivileges } = box.spec.process;
  return [
    ...dropBounding(capabilities.bounding, host),
    // NOROOT would take root's capabilities in the box, NO_SETUID_FIXUP leave them to a root that
    // becomes someone else; execve(2) clears KEEP_CAPS.
    step(
      setSecureBits(['SECBIT_KEEP_CAPS']),
      "changing the user must not take what capset gives below; none of the caller's bits comes along",
    ),
    // Where that is refused, those that the caller has stay: its rights are the box's anyway.
    ...(keepsGroups(box, host)
      ? []
      : [
          step(
            setgroups(user.additionalGids),
            'supplementary groups as asked for, none of the caller',
          ),
        ]),
    step(setresgid(user.gid), 'group of the workload'),
    step(setresuid(user.uid), 'user of the workload'),
    setCapabilities(box, host.seccomp),
    clearAmbient(),
    ...capabilities.ambient.map(raiseAmbient),
    ...(noNewPrivileges ? [gainNothing()] : []),
  ];
}

/** What root gets by execve(2) is what this set still holds: also of capabilities newer than tsbox. */
export function dropBounding(
  kept: readonly string[],
  { lastCapability = 0 }: Pick<Host, 'lastCapability'>,
): Step[] {
  const known = capabilityNames.flatMap((name, number) =>
    kept.includes(name) ? [] : [{ name: name as string, number }],
  );
  const newer = Array.from(
    { length: Math.max(0, lastCapability + 1 - capabilityNames.length) },
    (_, index) => capabilityNames.length + index,
  );
  return [...known, ...newer.map((number) => ({ name: `capability ${number}`, number }))].map(
    ({ name, number }) =>
      step(prctl('PR_CAPBSET_DROP', number, name), `no program in the box can have ${name}`, {
        // A kernel older than the capability has nothing to drop.
        accept: ['EINVAL'],
      }),
  );
}

export function clearAmbient(): Step {
  return step(
    prctl('PR_CAP_AMBIENT', 4, 'PR_CAP_AMBIENT_CLEAR_ALL'),
    'no capability is passed on by execve alone',
  );
}

export function raiseAmbient(name: string): Step {
  const number = (capabilityNames as readonly string[]).indexOf(name);
  return step(
    prctl('PR_CAP_AMBIENT', 2, 'PR_CAP_AMBIENT_RAISE', number),
    `${name} is kept across execve`,
  );
}

export function gainNothing(): Step {
  return step(
    prctl('PR_SET_NO_NEW_PRIVS', 1),
    'set-user-id programs give no privileges in the box',
  );
}
