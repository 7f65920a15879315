/**
 * The root file system: the image, and where the workload's writes go. Everything is put together
 * on one tmpfs that only the box's mount namespace sees, so nothing is left when the box ends.
 */
import type { Box } from '../spec/box.ts';
import { HERE } from './arguments.ts';
import {
  fchdir,
  fsconfigCreate,
  fsconfigOption,
  fsmount,
  fsopen,
  inherit,
  type MountAttribute,
  mkdirat,
  mount,
  mountSetattr,
  moveMount,
  openat,
  openTree,
} from './calls.ts';
import type { Host } from './host.ts';
import { type Slot, type Step, step } from './step.ts';

/** Descriptor at which a container finds the image when its ids are mapped (launch.ts). */
export const IMAGE_DESCRIPTOR = 6;

/** A new file system of the given type as a mount that is not attached anywhere yet. */
export function newFileSystem(
  type: string,
  options: readonly string[],
  attributes: readonly MountAttribute[],
  into: Slot,
  why: string,
): Step[] {
  const context = `${into}.fs`;
  return [
    step(fsopen(type), why, {
      into: context,
      hint: `this kernel has no ${type} file system: see \`tsbox doctor\``,
    }),
    ...options.map((option) => step(fsconfigOption(context, option), `option of that ${type}`)),
    step(fsconfigCreate(context), `makes that ${type}`),
    step(fsmount(context, attributes), 'a mount that is not attached anywhere yet', { into }),
  ];
}

/** Opens what lies on the host while the host's tree is still in reach. */
export function openRoot(box: Box, host: Host): Step[] {
  const idmapped = box.spec.linux.uidMappings.length > 0;
  return [
    step(
      mount('none', '/', undefined, ['MS_REC', 'MS_PRIVATE']),
      'no mount made here reaches the host, nor one of the host the box',
    ),
    step(
      openat(host.arch, host.anchor, ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']),
      'where the mounts are put together',
      { into: 'anchor' },
    ),
    idmapped
      ? step(inherit(IMAGE_DESCRIPTOR), "the image, its owners mapped to the box's ids", {
          into: 'image',
        })
      : step(
          openTree(HERE, box.spec.root.path, [
            'OPEN_TREE_CLONE',
            'OPEN_TREE_CLOEXEC',
            'AT_RECURSIVE',
          ]),
          'the image, as a mount of its own',
          { into: 'image', hint: 'the image must be a directory that exists' },
        ),
  ];
}

/** Puts the root file system together and leaves its descriptor in the slot `root`. */
export function makeRoot(box: Box, host: Host): Step[] {
  return [
    ...newFileSystem(
      'tmpfs',
      ['mode=0755'],
      ['MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NODEV'],
      'scratch',
      'scratch space that vanishes with the box',
    ),
    step(moveMount('scratch', 'anchor'), 'attached where only this mount namespace sees it'),
    step(mkdirat('scratch', 'empty', 0o555), 'masked directories show this one'),
    ...(box.layer === 'ephemeral' && host.overlay ? overlayRoot(box) : bareRoot()),
    step(mkdirat('scratch', 'root', 0o755), 'where the root file system is attached'),
    step(openTree('scratch', 'root', ['OPEN_TREE_CLOEXEC']), 'a handle on that directory', {
      into: 'scratch.root',
    }),
    step(moveMount('root', 'scratch.root'), 'the root file system gets its place'),
  ];
}

/** The image itself: what is written is written into it (or into the copy made of it). */
function bareRoot(): Step[] {
  return [
    step(
      openTree('image', '', ['OPEN_TREE_CLOEXEC', 'AT_EMPTY_PATH']),
      'the image is the root itself',
      { into: 'root' },
    ),
    step(
      mountSetattr('root', ['MOUNT_ATTR_NODEV'], 'recursive'),
      'no device of the host can be opened through it',
    ),
  ];
}

/**
 * The paths of an overlay's layers are strings: to keep host paths, and what characters they may
 * hold, out of them, the layers are attached below the scratch directory and named from there.
 */
function overlayRoot(box: Box): Step[] {
  const idmapped = box.spec.linux.uidMappings.length > 0;
  const { mountLabel } = box.spec.linux;
  const options = ['lowerdir=lower', 'upperdir=upper', 'workdir=work'];
  return [
    ...['lower', 'upper', 'work'].map((name) =>
      step(mkdirat('scratch', name, 0o755), `the overlay's ${name} directory`),
    ),
    step(openTree('scratch', 'lower', ['OPEN_TREE_CLOEXEC']), 'a handle on that directory', {
      into: 'scratch.lower',
    }),
    step(moveMount('image', 'scratch.lower'), 'the image is the lower layer'),
    step(fchdir('scratch'), 'the layers are named from here'),
    // Without the host's CAP_SYS_ADMIN only user.* extended attributes can hold whiteouts.
    ...newFileSystem(
      'overlay',
      [
        ...options,
        ...(idmapped ? ['userxattr'] : []),
        ...(mountLabel === undefined ? [] : [`context=${mountLabel}`]),
      ],
      ['MOUNT_ATTR_NODEV'],
      'root',
      'writes go to the scratch space, the image stays as it is',
    ),
  ];
}

/** Makes the root file system read-only, once every mount point in it has been made. */
export function sealRoot(box: Box): Step[] {
  if (!box.spec.root.readonly) return [];
  return [
    step(
      mountSetattr('root', ['MOUNT_ATTR_RDONLY'], 'this mount'),
      '--read-only: the root file system can no longer be changed',
    ),
  ];
}
