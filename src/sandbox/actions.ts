/** Carries out what only the parent can do, on the host (src/plan/action.ts). */
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { removeCgroupTree } from '../linux/cgroup.ts';
import { attachDeviceFilter, filterHint, isFilterWithheld } from '../linux/device-filter.ts';
import { SyscallError } from '../linux/native.ts';
import { writeProcFile } from '../linux/proc-file.ts';
import { type HostAction, PID, printAction } from '../plan/action.ts';
import type { Reach } from '../plan/calls.ts';
import { deviceProgram } from '../plan/device-program.ts';
import { copyTree } from './copy.ts';
import { BoxError } from './errors.ts';
import type { Early } from './sandbox.ts';

/** What the actions have made: to be handed to the child. */
export interface Made {
  /** Descriptors of the idmapped mounts, in their order. */
  readonly mounts: number[];
}

/** What some actions need. */
export interface Means {
  /** Process id for {@link PID} in a path. */
  readonly pid?: number;
  /** Makes an idmapped mount and returns its descriptor. */
  readonly idmap?: (path: string, reach: Reach) => Promise<number>;
  readonly early?: Early | undefined;
}

/** @throws BoxError that names the action. */
export async function carryOut(actions: readonly HostAction[], means: Means = {}): Promise<Made> {
  const made: Made = { mounts: [] };
  for (const action of actions) {
    try {
      if (action.call === 'copy') await copyTree(action.path, action.to, means.early);
      else if (action.call === 'rmdir') await removeCgroupTree(action.path);
      else if (action.call === 'idmap') made.mounts.push(await idmap(action, means));
      else if (action.call === 'filter_devices')
        attachDeviceFilter(action.path, deviceProgram(action.rules));
      else if (action.call === 'mkdir') mkdirSync(action.path, { recursive: true });
      else if (action.path.includes(PID))
        writeProcFile(action.path.replace(PID, String(means.pid)), action.data);
      else writeFileSync(action.path, action.data);
    } catch (error) {
      if (action.call === 'write' && action.optional) continue;
      if (action.call === 'filter_devices' && action.optional && isFilterWithheld(error)) continue;
      for (const mount of made.mounts) closeSync(mount);
      throw failed(action, error);
    }
  }
  return made;
}

function idmap(
  { path, reach }: Extract<HostAction, { readonly call: 'idmap' }>,
  means: Means,
): Promise<number> {
  if (means.idmap === undefined) throw new Error('no way to map a mount is given');
  return means.idmap(path, reach);
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
    return `the file system of ${action.path}, or this kernel, may not be able to map owners (tmpfs: Linux 6.3, overlay: 5.19): keep it on ext4, xfs or btrfs, or leave --userns=auto (and idmap) out`;
  if (action.call === 'filter_devices') return filterHint(error);
  if (action.call === 'idmap')
    return '`tsbox doctor` shows whether this host allows user namespaces';
  return undefined;
}
