/** System calls that make, change and move mounts: mount(2), fsopen(2), mount_setattr(2) and their kin. */
import * as abi from '../abi/flags.ts';
import {
  type Directory,
  directory,
  EMPTY,
  flags,
  NULL,
  number,
  slot,
  string,
  structure,
  type Words,
  ZERO,
} from './arguments.ts';
import type { Argument, Call, Slot } from './step.ts';

export type MountAttribute = keyof typeof abi.mountAttributes;
export type MountFlag = keyof typeof abi.mountFlags;

/** mount(2) */
export function mount(
  source: string,
  target: string,
  type: string | undefined,
  words: Words<typeof abi.mountFlags>,
  data?: string,
): Call {
  return {
    call: 'mount',
    args: [
      string(source),
      string(target),
      type === undefined ? NULL : string(type),
      flags(abi.mountFlags, words),
      data === undefined ? NULL : string(data),
    ],
  };
}

export function umount2(target: string, words: Words<typeof abi.umountFlags>): Call {
  return { call: 'umount2', args: [string(target), flags(abi.umountFlags, words)] };
}

export function pivotRoot(newRoot: string, putOld: string): Call {
  return { call: 'pivot_root', args: [string(newRoot), string(putOld)] };
}

export function chroot(path: string): Call {
  return { call: 'chroot', args: [string(path)] };
}

/** open_tree(2) */
export function openTree(at: Directory, path: string, words: Words<typeof abi.treeFlags>): Call {
  return { call: 'open_tree', args: [directory(at), string(path), flags(abi.treeFlags, words)] };
}

const bothPathsEmpty = flags(abi.moveFlags, ['MOVE_MOUNT_F_EMPTY_PATH', 'MOVE_MOUNT_T_EMPTY_PATH']);

/** move_mount(2) of the mount that a slot holds, onto a directory or file that a slot holds. */
export function moveMount(from: Slot, to: Slot): Call {
  return {
    call: 'move_mount',
    args: [slot(from), EMPTY, slot(to), EMPTY, bothPathsEmpty],
  };
}

export function fsopen(type: string): Call {
  return { call: 'fsopen', args: [string(type), flags(abi.fsOpenFlags, ['FSOPEN_CLOEXEC'])] };
}

/** fsconfig(2): one option, `key` or `key=value`. */
export function fsconfigOption(context: Slot, option: string): Call {
  const equals = option.indexOf('=');
  const key = equals < 0 ? option : option.slice(0, equals);
  const command = equals < 0 ? 'FSCONFIG_SET_FLAG' : 'FSCONFIG_SET_STRING';
  const value = equals < 0 ? NULL : string(option.slice(equals + 1));
  return {
    call: 'fsconfig',
    args: [slot(context), flags(abi.fsConfigCommands, [command]), string(key), value, ZERO],
  };
}

const create = flags(abi.fsConfigCommands, ['FSCONFIG_CMD_CREATE']);

export function fsconfigCreate(context: Slot): Call {
  return { call: 'fsconfig', args: [slot(context), create, NULL, NULL, ZERO] };
}

export function fsmount(context: Slot, attributes: readonly MountAttribute[]): Call {
  return {
    call: 'fsmount',
    args: [
      slot(context),
      flags(abi.fsMountFlags, ['FSMOUNT_CLOEXEC']),
      flags(abi.mountAttributes, attributes),
    ],
  };
}

/** mount_setattr(2) on the mount that a slot holds. */
export function mountSetattr(fd: Slot, set: readonly MountAttribute[], reach: Reach): Call {
  const changes = timeAttributes.some((each) => set.includes(each))
    ? { attr_clr: flags(abi.mountAttributes, ['MOUNT_ATTR__ATIME']) }
    : {};
  const attributes = { attr_set: flags(abi.mountAttributes, set), ...changes };
  return changeMount(fd, structure(attributes, 32), reach);
}

const timeAttributes = [
  'MOUNT_ATTR_RELATIME',
  'MOUNT_ATTR_NOATIME',
  'MOUNT_ATTR_STRICTATIME',
] as const;

/** mount_setattr(2): whether mounts made below it, or below its peers on the host, reach the other side. */
export function mountPropagation(fd: Slot, type: Propagation, reach: Reach): Call {
  const propagation = flags(abi.mountFlags, [type]);
  return changeMount(fd, structure({ attr_set: ZERO, attr_clr: ZERO, propagation }, 32), reach);
}

/** mount_namespaces(7), "Propagation type" */
export type Propagation = 'MS_PRIVATE' | 'MS_SLAVE' | 'MS_SHARED' | 'MS_UNBINDABLE';

/** Whether the mounts below are meant, too. */
export type Reach = 'recursive' | 'this mount';

function changeMount(fd: Slot, attributes: Argument, reach: Reach): Call {
  const words: Words<typeof abi.treeFlags> =
    reach === 'recursive' ? ['AT_EMPTY_PATH', 'AT_RECURSIVE'] : ['AT_EMPTY_PATH'];
  return {
    call: 'mount_setattr',
    args: [slot(fd), EMPTY, flags(abi.treeFlags, words), attributes, number(32)],
  };
}
