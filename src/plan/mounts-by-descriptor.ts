/**
 * Mounts by descriptors alone: open_tree(2), fsopen(2), fsconfig(2), fsmount(2), mount_setattr(2) and
 * move_mount(2). A mount is a descriptor from the moment it exists; no path leads to it until it is
 * attached, and then it is attached to the very file that was found.
 */
import { mkdirat, openat } from './calls.ts';
import type { Host } from './host.ts';
import type { More, MountApi, Source } from './mount-api.ts';
import {
  fsconfigCreate,
  fsconfigOption,
  fsmount,
  fsopen,
  type MountAttribute,
  mountPropagation,
  mountSetattr,
  moveMount,
  openTree,
  type Propagation,
  type Reach,
} from './mount-calls.ts';
import { type Slot, type Step, step } from './step.ts';

export function descriptorMounts(host: Host): MountApi {
  return {
    openAnchor: () => [
      step(
        openat(host.arch, host.anchor, ['O_PATH', 'O_DIRECTORY', 'O_CLOEXEC']),
        'where the mounts are put together',
        { into: 'anchor' },
      ),
    ],
    makeScratch: () => [
      ...newFileSystem(
        'tmpfs',
        ['mode=0755'],
        ['MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NODEV'],
        'scratch',
        'scratch space that vanishes with the box',
      ),
      step(moveMount('scratch', 'anchor'), 'attached where only this mount namespace sees it'),
    ],
    newFileSystem,
    copy,
    copyOpened,
    setAttributes,
    setPropagation,
    attach,
    settle,
  };
}

/** A new file system, as a mount that is not attached anywhere yet. */
export function newFileSystem(
  type: string,
  options: readonly string[],
  attributes: readonly MountAttribute[],
  into: Slot,
  why: string,
  hint?: string,
): Step[] {
  const context = `${into}.fs`;
  return [
    step(fsopen(type), why, { into: context }),
    ...options.map((option) => step(fsconfigOption(context, option), `option of that ${type}`)),
    step(fsconfigCreate(context), `makes that ${type}`, hint === undefined ? {} : { hint }),
    step(fsmount(context, attributes), 'a mount that is not attached anywhere yet', { into }),
  ];
}

function copy(
  { at, path }: Source,
  into: Slot,
  reach: Reach,
  why: string,
  more: More = {},
): Step[] {
  const below = reach === 'recursive' ? (['AT_RECURSIVE'] as const) : [];
  return [
    step(openTree(at, path, ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', ...below]), why, {
      ...more,
      into,
    }),
  ];
}

function copyOpened(source: Slot, into: Slot, why: string): Step[] {
  const flags = ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_EMPTY_PATH', 'AT_RECURSIVE'] as const;
  return [step(openTree(source, '', flags), why, { into })];
}

function setAttributes(
  mount: Slot,
  attributes: readonly MountAttribute[],
  reach: Reach,
  why: string,
): Step[] {
  return [step(mountSetattr(mount, attributes, reach), why)];
}

function setPropagation(mount: Slot, type: Propagation, reach: Reach, why: string): Step[] {
  return [step(mountPropagation(mount, type, reach), why)];
}

function attach(mount: Slot, place: Slot, why: string, hint?: string): Step[] {
  return [step(moveMount(mount, place), why, hint === undefined ? {} : { hint })];
}

function settle(mount: Slot, why: string): Step[] {
  const place = `scratch.${mount}`;
  return [
    step(mkdirat('scratch', mount, 0o755), 'where that is attached'),
    step(openTree('scratch', mount, ['OPEN_TREE_CLOEXEC']), 'a handle on that directory', {
      into: place,
    }),
    ...attach(mount, place, why),
  ];
}
