/**
 * A new procfs or sysfs shows everything, so a user namespace gets none where what its owner sees of
 * the old one is covered or read-only: user_namespaces(7); fs/namespace.c, mount_too_revealing().
 */
import { errnoName } from '../abi/errno.ts';
import { mountPoints } from '../linux/mountinfo.ts';
import type { CloneFlag } from '../plan/container.ts';
import { mount } from '../plan/mount-calls.ts';
import { step } from '../plan/step.ts';
import { type Attempt, attempt } from './attempt.ts';
import type { Cause, Probe } from './cause.ts';
import { readText } from './status.ts';

/** The file systems that the rule is about, and where the host has them. */
const places = { proc: '/proc', sysfs: '/sys' } as const;
export type Revealing = keyof typeof places;

export interface CoveredFacts {
  readonly type: Revealing;
  /** A mount of that type, and one of tmpfs, in namespaces made for it. */
  readonly tried: Attempt;
  readonly reference: Attempt;
  readonly mountinfo: string;
}

export const coveredMounts: Probe = {
  concerns: ({ fileSystem = '' }) => fileSystem in places,
  looksAt: 'such a file system can be mounted in such namespaces',
  prove: async ({ fileSystem, clone = [] }) =>
    judgeCovered(await coveredFacts(fileSystem as Revealing, clone.includes('CLONE_NEWUSER'))),
};

/** @param inUserNamespace whether the box has one of its own. */
export async function coveredFacts(
  type: Revealing,
  inUserNamespace: boolean,
): Promise<CoveredFacts> {
  const namespaces: CloneFlag[] = [
    ...(inUserNamespace ? (['CLONE_NEWUSER'] as const) : []),
    'CLONE_NEWNS',
    // These file systems show what is in the namespaces of who mounts them.
    type === 'proc' ? 'CLONE_NEWPID' : 'CLONE_NEWNET',
  ];
  const place = places[type];
  const tryToMount = (kind: string) =>
    attempt(namespaces, [
      step(mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']), 'nothing reaches the host'),
      step(mount(kind, place, kind, ['MS_NOSUID', 'MS_NODEV', 'MS_NOEXEC']), 'whether it is let'),
    ]);
  return {
    type,
    tried: await tryToMount(type),
    reference: await tryToMount('tmpfs'),
    mountinfo: readText('/proc/self/mountinfo') ?? '',
  };
}

export function judgeCovered({
  type,
  tried,
  reference,
  mountinfo,
}: CoveredFacts): Cause | undefined {
  if (tried.end !== 'refused' || errnoName(tried.errno) !== 'EPERM' || reference.end !== 'done')
    return undefined;
  const place = places[type];
  const name = type === 'proc' ? 'procfs' : 'sysfs';
  return {
    sentence: `a new ${name} is refused in a user namespace where a tmpfs is not: ${whatHides(place, mountinfo)}`,
    mend:
      type === 'proc'
        ? 'run tsbox outside this container, or start the container with its /proc uncovered: docker run --security-opt systempaths=unconfined, podman run --security-opt unmask=ALL'
        : 'run tsbox outside this container, or start the container with its /sys uncovered: podman run --security-opt unmask=ALL',
  };
}

/** The kernel's own mounts in places where nothing else can be do not count. */
const harmless = new Set(['/proc/sys/fs/binfmt_misc', '/proc/fs/nfsd']);

function whatHides(place: string, mountinfo: string): string {
  const mounts = mountPoints(mountinfo);
  const own = mounts.findLast(({ point }) => point === place);
  if (own === undefined) return `nothing is mounted at ${place} here`;
  const above = mounts
    .map(({ point }) => point)
    .filter((point) => point.startsWith(`${place}/`) && !harmless.has(point));
  const shown = place === '/sys' ? [] : [...new Set(above)];
  if (shown.length > 0) return `its own is covered at ${shown.join(', ')} (/proc/self/mountinfo)`;
  if (own.attributes.includes('MOUNT_ATTR_RDONLY'))
    return `its own is read-only (${place} in /proc/self/mountinfo)`;
  return `its own at ${place} is covered, or in part not to be seen`;
}
