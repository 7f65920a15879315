/**
 * The root file system: the image, and where the workload's writes go. Everything is put together
 * on one tmpfs that only the box's mount namespace sees, so nothing is left when the box ends.
 */
import type { Box } from '../spec/box.ts';
import { HERE } from './arguments.ts';
import { fchdir, mkdirat } from './calls.ts';
import type { Host, RootServer } from './host.ts';
import { inheritImage, isImageMapped } from './mapped.ts';
import { inherited, type MountApi } from './mount-api.ts';
import { type MountAttribute, mount } from './mount-calls.ts';
import { propagationOf } from './mount-words.ts';
import { type Slot, type Step, step } from './step.ts';

/** What an overlay asks of the image, and what is done where there is none. */
export const ORDINARY_IMAGE =
  'the image must lie on an ordinary file system, not on /proc, /sys or the like: copy it to one, or use --writable';

/** No mount made here reaches the host, nor one of the host the box. */
export function leaveHostMounts(): Step {
  return step(
    mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']),
    'no mount made here reaches the host, nor one of the host the box',
  );
}

/** What a workload with the power to mount makes of it; nothing reaches the host either way. */
export function propagateRoot({ spec }: Box): Step[] {
  const word = spec.linux.rootfsPropagation ?? 'private';
  const asked = propagationOf({ options: [word] });
  if (asked === undefined || asked.value === 'MS_PRIVATE') return [];
  const flags = asked.reach === 'recursive' ? (['MS_REC', asked.value] as const) : [asked.value];
  return [step(mount('none', '/', undefined, flags), `linux.rootfsPropagation: ${word}`)];
}

/** Takes hold of the image while the host's tree is still in reach. */
export function openImage(box: Box, host: Host, mounts: MountApi): Step[] {
  const server = rootServer(box, host);
  if (server !== undefined) return server.open(host.arch);
  const into = imageSlot(box, host);
  if (isImageMapped(box.spec, host))
    return [step(inheritImage(), "the image, its owners mapped to the box's ids", { into })];
  return mounts.copy(
    { at: HERE, path: box.spec.root.path, kind: 'directory' },
    into,
    'recursive',
    'the image, as a mount of its own',
    { hint: 'the image must be a directory that exists' },
  );
}

/** Either a layer of the root file system, or the root file system itself. */
function imageSlot(box: Box, host: Host): Slot {
  return hasOverlay(box, host) ? 'lower' : 'root';
}

function hasOverlay(box: Box, host: Host): boolean {
  return box.layer === 'ephemeral' && host.overlay;
}

/** undefined where the box has an overlay, or needs none. */
export function rootServer({ layer }: Pick<Box, 'layer'>, host: Host): RootServer | undefined {
  return layer === 'ephemeral' && !host.overlay ? host.rootServer : undefined;
}

/** Puts the root file system together and leaves its descriptor in the slot `root`. */
export function makeRoot(box: Box, host: Host, mounts: MountApi): Step[] {
  return [
    ...mounts.makeScratch(),
    step(mkdirat('scratch', 'empty', 0o555), 'masked directories show this one'),
    ...rootSteps(box, host, mounts),
    ...mounts.settle('root', 'the root file system gets its place'),
  ];
}

function rootSteps(box: Box, host: Host, mounts: MountApi): Step[] {
  if (hasOverlay(box, host)) return overlayRoot(box, mounts);
  const server = rootServer(box, host);
  if (server !== undefined) return server.mount(box, mounts);
  return mounts.setAttributes(
    'root',
    attributesOf(box, host),
    'recursive',
    'the image is the root itself, and no device of the host can be opened through it',
  );
}

function attributesOf(box: Box, host: Host): MountAttribute[] {
  const made = hasOverlay(box, host) || rootServer(box, host) !== undefined;
  const own = made ? [] : inherited(host, box.spec.root.path);
  return [...own, 'MOUNT_ATTR_NODEV'];
}

/**
 * The paths of an overlay's layers are strings: to keep host paths, and what characters they may
 * hold, out of them, the layers are attached below the scratch directory and named from there.
 */
function overlayRoot(box: Box, mounts: MountApi): Step[] {
  const inUserNamespace = box.spec.linux.uidMappings.length > 0;
  const { mountLabel } = box.spec.linux;
  const options = ['lowerdir=lower', 'upperdir=upper', 'workdir=work'];
  return [
    ...['upper', 'work'].map((name) =>
      step(mkdirat('scratch', name, 0o755), `the overlay's ${name} directory`),
    ),
    ...mounts.settle('lower', 'the image is the lower layer'),
    step(fchdir('scratch'), 'the layers are named from here'),
    // Without the host's CAP_SYS_ADMIN only user.* extended attributes can hold whiteouts.
    ...mounts.newFileSystem(
      'overlay',
      [
        ...options,
        ...(inUserNamespace ? ['userxattr'] : []),
        ...(mountLabel === undefined ? [] : [`context=${mountLabel}`]),
      ],
      ['MOUNT_ATTR_NODEV'],
      'root',
      'writes go to the scratch space, the image stays as it is',
      ORDINARY_IMAGE,
    ),
  ];
}

/** Makes the root file system read-only, once every mount point in it has been made. */
export function sealRoot(box: Box, host: Host, mounts: MountApi): Step[] {
  if (!box.spec.root.readonly) return [];
  return mounts.setAttributes(
    'root',
    [...attributesOf(box, host), 'MOUNT_ATTR_RDONLY'],
    'this mount',
    '--read-only: the root file system can no longer be changed',
  );
}
