/**
 * Mounts that came into a user namespace from outside are locked together, and so are their flags:
 * mount_namespaces(7), "Restrictions on mount namespaces".
 */
import { HERE } from '../plan/arguments.ts';
import {
  type MountAttribute,
  type MountFlag,
  mount,
  mountSetattr,
  openTree,
} from '../plan/mount-calls.ts';
import { flagsOf } from '../plan/mounts-by-path.ts';
import { type Step, step } from '../plan/step.ts';
import { attempt, namespacesOf } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';

export const lockedMounts: Probe = {
  concerns: ({ path }) => path !== undefined,
  looksAt: 'the mount is refused with all that is mounted in it, too',
  prove: async ({ path = '', clone }) => {
    const namespaces = namespacesOf(clone);
    const alone = await attempt(namespaces, [copy(path, 'alone')]);
    const whole = await attempt(namespaces, [copy(path, 'whole')]);
    return alone.end === 'refused' && whole.end === 'done' ? judgeLocked(path) : undefined;
  },
};

function copy(path: string, reach: 'alone' | 'whole'): Step {
  const below = reach === 'whole' ? (['AT_RECURSIVE'] as const) : [];
  return step(
    openTree(HERE, path, ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', ...below]),
    'a copy that is attached nowhere',
  );
}

/** Of the flags of a locked mount, tsbox changes those of the times of access alone, and adds to the others. */
export const lockedAttributes: Probe = {
  concerns: ({ path, attributes = [] }) => path !== undefined && attributes.some(isOfAtime),
  looksAt: 'the mount has the same flags without those of atime, too',
  prove: async ({ call, path = '', attributes = [], clone }) => {
    const namespaces = namespacesOf(clone);
    const change = call === 'mount' ? changeByPath : changeByDescriptor;
    const others = attributes.filter((one) => !isOfAtime(one));
    const asked = await attempt(namespaces, change(path, attributes));
    const without = await attempt(namespaces, change(path, others));
    const locked = asked.end === 'refused' && asked.call === call;
    return locked && without.end === 'done' ? judgeLockedAttributes(path) : undefined;
  },
};

function isOfAtime(attribute: MountAttribute): boolean {
  return attribute.endsWith('ATIME');
}

function changeByDescriptor(path: string, attributes: readonly MountAttribute[]): Step[] {
  return [
    { ...copy(path, 'whole'), into: 'mount' },
    step(mountSetattr('mount', attributes, 'recursive'), 'whether it is let'),
  ];
}

/** Covers the path with itself, which only the process's own mount namespace sees. */
function changeByPath(path: string, attributes: readonly MountAttribute[]): Step[] {
  const flags: MountFlag[] = ['MS_REMOUNT', 'MS_BIND', ...flagsOf(attributes)];
  return [
    step(mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']), 'nothing reaches the host'),
    step(mount(path, path, undefined, ['MS_BIND']), 'a copy'),
    step(mount('none', path, undefined, flags), 'whether it is let'),
  ];
}

export function judgeLockedAttributes(path: string): Cause {
  return {
    sentence: `what ${path} lies on is locked as to its times of access: in a user namespace every flag of it is let but those of atime`,
    mend: 'leave noatime, relatime or strictatime out, or run tsbox as root with --userns=host',
  };
}

export function judgeLocked(path: string): Cause {
  return {
    sentence: `mounts lie in ${path} that are locked to it: in a user namespace it can be had with them, and not without`,
    mend: `ask for it with them (--volume ${path}:…:rbind, the default), or run tsbox as root with --userns=host`,
  };
}
