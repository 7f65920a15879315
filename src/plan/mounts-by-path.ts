/**
 * Mounts by mount(2), which takes paths, for kernels before 5.12 and outer seccomp filters that know
 * mount(2) alone. It is as safe as mounts-by-descriptor.ts, because only two kinds of path are used:
 *
 * - Below the anchor, where the scratch tmpfs is mounted first of all. It is made by the box's own
 *   init in the box's own mount namespace and nobody else ever sees it, so every name in it is what
 *   the plan made it. A mount is made there, under the name of its slot, gets its attributes there,
 *   and is opened there: that is what "a mount that is not attached yet" becomes. The descriptor
 *   stays that of the mount when it moves away.
 * - /proc/self/fd/N of the host's procfs, for a place in the box: a magic link, which leads to the
 *   very file that the descriptor holds and passes no name on the way. The descriptor itself comes
 *   from openat2(RESOLVE_IN_ROOT), as with descriptors. So what the image, or someone who changes a
 *   volume meanwhile, exchanges between two steps is not looked at again.
 *
 * A number in a path must be known when the plan is made, while descriptors get the lowest that is
 * free: so the place is duplicated to a number that the plan's slots cannot reach.
 *
 * A remount takes away the attributes that it does not repeat, so each says all that a mount has.
 * Attributes of the mounts below a mount cannot be set by it without their paths, which lie in files
 * that others may change: what needs it is refused (mount-refusals.ts). So what is copied of the host
 * has no mounts below, and must not get one either: the scratch tmpfs, in which the image can be
 * written to, may lie in a volume.
 */
import type { Arch } from '../abi/syscalls.ts';
import { HERE } from './arguments.ts';
import { duplicateAt, makeFile, mkdirat, openat, openat2 } from './calls.ts';
import { MAX_SLOTS } from './encode.ts';
import type { Host } from './host.ts';
import type { More, MountApi, Source } from './mount-api.ts';
import { type MountAttribute, type MountFlag, mount } from './mount-calls.ts';
import { type Slot, type Step, step } from './step.ts';

/** Descriptors below are those that the process has from the start, and one for each slot. */
export const PLACE = MAX_SLOTS + 100;
const PLACE_PATH = `/proc/self/fd/${PLACE}`;
/** What the scratch tmpfs covers stays in reach: a copy of the image, and whatever a volume has there. */
export const COVERED = PLACE + 2;

const flagOf: Readonly<Partial<Record<MountAttribute, MountFlag>>> = {
  MOUNT_ATTR_RDONLY: 'MS_RDONLY',
  MOUNT_ATTR_NOSUID: 'MS_NOSUID',
  MOUNT_ATTR_NODEV: 'MS_NODEV',
  MOUNT_ATTR_NOEXEC: 'MS_NOEXEC',
  MOUNT_ATTR_NOATIME: 'MS_NOATIME',
  MOUNT_ATTR_NODIRATIME: 'MS_NODIRATIME',
  MOUNT_ATTR_RELATIME: 'MS_RELATIME',
  MOUNT_ATTR_STRICTATIME: 'MS_STRICTATIME',
};

export function pathMounts(host: Host): MountApi {
  const { anchor, arch } = host;
  const staged = (name: Slot) => `${anchor}/${name}`;
  const isCovered = (path: string) => `${path}/`.startsWith(`${anchor}/`);
  const uncovered = (path: string) =>
    isCovered(path) ? `/proc/self/fd/${COVERED}${path.slice(anchor.length)}` : path;

  const open = (name: Slot, more: More = {}): Step =>
    step(
      openat2(arch, 'scratch', name, ['O_PATH', 'O_CLOEXEC'], ['RESOLVE_IN_ROOT']),
      'a handle on that mount',
      { ...more, into: name },
    );
  const makePlace = (name: Slot, kind: Source['kind'], more: More = {}): Step =>
    kind === 'directory'
      ? step(mkdirat('scratch', name, 0o755), 'where it is until it is attached', more)
      : step(makeFile('scratch', name, 0), 'where it is until it is attached', more);
  const remount = (name: Slot, attributes: readonly MountAttribute[], why: string): Step => {
    const flags: MountFlag[] = ['MS_REMOUNT', 'MS_BIND', ...flagsOf(attributes)];
    return step(mount('none', staged(name), undefined, flags), why, { needs: name });
  };
  const atPlace = (place: Slot, more: More, into: Slot): Step =>
    step(duplicateAt(place, PLACE), 'at a number that can be named', {
      hint: moreFiles,
      ...more,
      into,
    });

  return {
    openAnchor: (sources) => [
      ...(sources.some(isCovered) ? keepCovered(arch, anchor) : []),
      step(
        mount('tmpfs', anchor, 'tmpfs', ['MS_NOSUID', 'MS_NODEV'], 'mode=0755'),
        'scratch space that vanishes with the box, seen by this mount namespace only',
      ),
      step(
        openat(arch, anchor, ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']),
        'where the mounts are put together',
        { into: 'scratch' },
      ),
    ],
    makeScratch: () => [],
    newFileSystem: (type, options, wanted, into, why, hint) => {
      // In the flags of a new file system `ro` is the file system's, which others may see, too.
      const first = wanted.filter((attribute) => attribute !== 'MOUNT_ATTR_RDONLY');
      return [
        makePlace(into, 'directory'),
        step(
          mount(type, staged(into), type, flagsOf(first), options.join(',')),
          why,
          hint === undefined ? {} : { hint },
        ),
        open(into),
        ...(first.length === wanted.length
          ? []
          : [remount(into, wanted, 'this mount is read-only')]),
      ];
    },
    copy: ({ at, path, kind }, into, _, why, more = {}) => {
      const source = at === HERE ? uncovered(path) : staged(path);
      return [
        makePlace(into, kind, more),
        step(mount(source, staged(into), undefined, ['MS_BIND']), why, more),
        open(into, more),
      ];
    },
    copyOpened: (source, into, why) => {
      const [directory, opened] = [`${source}.directory`, `${source}.opened`];
      return [
        step(
          openat2(arch, source, '.', ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC'], ['RESOLVE_IN_ROOT']),
          'a directory has a name for itself, a file has not',
          { into: directory, accept: ['ENOTDIR'] },
        ),
        makePlace(into, 'directory', { needs: directory }),
        makePlace(into, 'file', { unless: directory }),
        atPlace(source, {}, opened),
        step(mount(PLACE_PATH, staged(into), undefined, ['MS_BIND', 'MS_REC']), why, {
          needs: opened,
        }),
        open(into, { needs: opened }),
      ];
    },
    setAttributes: (name, wanted, _, why) => [remount(name, wanted, why)],
    setPropagation: (name, type, reach, why) => {
      const below = reach === 'recursive' ? (['MS_REC'] as const) : [];
      return [step(mount('none', staged(name), undefined, [type, ...below]), why)];
    },
    attach: (name, place, why, hint) => {
      const named = `${name}.at`;
      return [
        atPlace(place, { needs: name }, named),
        step(mount(staged(name), PLACE_PATH, undefined, ['MS_MOVE']), why, {
          needs: named,
          ...(hint === undefined ? {} : { hint }),
        }),
      ];
    },
    // It is there from the start.
    settle: () => [],
  };
}

const moreFiles = `allow more open files (\`ulimit -n\`): ${COVERED + 1} are enough`;

function keepCovered(arch: Arch, anchor: string): Step[] {
  return [
    step(
      openat(arch, anchor, ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']),
      'something of the host is wanted that the next mount covers',
      { into: 'covered' },
    ),
    step(duplicateAt('covered', COVERED), 'at a number that can be named', { hint: moreFiles }),
  ];
}

/** The same attributes as mount(2) has them. */
export function flagsOf(attributes: readonly MountAttribute[]): MountFlag[] {
  return attributes.flatMap((attribute) => flagOf[attribute] ?? []);
}
