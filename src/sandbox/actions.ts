/** Carries out what only the parent can do, on the host (src/plan/action.ts). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { removeCgroupTree } from '../linux/cgroup.ts';
import { attachDeviceFilter, filterHint, isFilterWithheld } from '../linux/device-filter.ts';
import { SyscallError } from '../linux/native.ts';
import { type HostAction, PID, printAction } from '../plan/action.ts';
import { deviceProgram } from '../plan/device-program.ts';
import { copyTree } from './copy.ts';
import { BoxError } from './errors.ts';
import type { Early } from './sandbox.ts';

/** What the actions have made: to be handed to the child. */
export interface Made {
  /** Descriptor of the image as an idmapped mount. */
  image?: number | undefined;
}

/** What some actions need. */
export interface Means {
  /** Process id for {@link PID} in a path. */
  readonly pid?: number;
  /** Makes an idmapped mount of a directory and returns its descriptor. */
  readonly idmap?: (path: string) => Promise<number>;
  readonly early?: Early | undefined;
}

/** @throws BoxError that names the action. */
export async function carryOut(actions: readonly HostAction[], means: Means = {}): Promise<Made> {
  const made: Made = {};
  for (const action of actions) {
    try {
      if (action.call === 'copy') await copyTree(action.path, action.to, means.early);
      else if (action.call === 'rmdir') await removeCgroupTree(action.path);
      else if (action.call === 'idmap') made.image = await means.idmap?.(action.path);
      else if (action.call === 'filter_devices')
        attachDeviceFilter(action.path, deviceProgram(action.rules));
      else if (action.call === 'mkdir') mkdirSync(action.path, { recursive: true });
      else writeFileSync(action.path.replace(PID, String(means.pid)), action.data);
    } catch (error) {
      if (action.call === 'write' && action.optional) continue;
      if (action.call === 'filter_devices' && action.optional && isFilterWithheld(error)) continue;
      throw failed(action, error);
    }
  }
  return made;
}

function failed(action: HostAction, error: unknown): BoxError {
  const reason = error instanceof SyscallError ? error.message : (error as Error).message;
  const hint = hintOf(action, error);
  return new BoxError(
    [
      `${action.call} failed: ${reason}`,
      `  call: ${printAction(action)}`,
      `  why it is made: ${action.why}`,
      ...(hint === undefined ? [] : [`  what to do: ${hint}`]),
    ].join('\n'),
    { cause: error },
  );
}

function hintOf(action: HostAction, error: unknown): string | undefined {
  if (action.call === 'write') return action.hint;
  if (action.call === 'idmap' && error instanceof SyscallError && error.call === 'mount_setattr')
    return `the file system of ${action.path}, or this kernel, may not be able to map owners (tmpfs: Linux 6.3, overlay: 5.19): keep the image on ext4, xfs or btrfs, or leave --userns=auto out`;
  if (action.call === 'filter_devices') return filterHint(error);
  if (action.call === 'idmap')
    return '`tsbox doctor` shows whether this host allows user namespaces';
  return undefined;
}
