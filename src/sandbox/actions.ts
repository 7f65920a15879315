/** Carries out what only the parent can do, on the host (src/plan/action.ts). */
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { removeCgroupTree } from '../linux/cgroup.ts';
import { attachDeviceFilter, filterHint, isFilterWithheld } from '../linux/device-filter.ts';
import { idmappedMount } from '../linux/idmap.ts';
import { SyscallError } from '../linux/native.ts';
import { writeProcFile } from '../linux/proc-file.ts';
import { type HostAction, PID, printAction } from '../plan/action.ts';
import { deviceProgram } from '../plan/device-program.ts';
import { BoxError, type Refusal } from './errors.ts';
import { runProgram } from './program.ts';
import type { Early } from './sandbox.ts';

/** What the actions have made: to be handed to the child. */
export interface Made {
  /** Descriptors of the idmapped mounts, in their order. */
  readonly mounts: number[];
}

/** What some actions need. */
export interface Means {
  /** Process id for {@link PID}, and whose user namespace mounts are mapped by. */
  readonly pid?: number;
  readonly early?: Early | undefined;
}

/** @throws BoxError that names the action. */
export async function carryOut(actions: readonly HostAction[], means: Means = {}): Promise<Made> {
  const made: Made = { mounts: [] };
  const withPid = (word: string) => word.replace(PID, String(means.pid));
  for (const action of actions) {
    try {
      if (action.call === 'copy') await runProgram(copy(action), means.early?.abort);
      else if (action.call === 'execute') await runProgram(action.argv.map(withPid));
      else if (action.call === 'rmdir') await removeCgroupTree(action.path);
      else if (action.call === 'idmap')
        made.mounts.push(idmappedMount(action.path, action.reach, pidOf(means)));
      else if (action.call === 'filter_devices')
        attachDeviceFilter(action.path, deviceProgram(action.rules));
      else if (action.call === 'mkdir') mkdirSync(action.path, { recursive: true });
      else if (action.path.includes(PID)) writeProcFile(withPid(action.path), action.data);
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

/** With owners, modes, times, links, devices and extended attributes: cp(1). */
function copy({ path, to }: Extract<HostAction, { readonly call: 'copy' }>): string[] {
  return ['/bin/cp', '-a', '--reflink=auto', '--', path, to];
}

function pidOf({ pid }: Means): number {
  if (pid === undefined) throw new Error('no process is given');
  return pid;
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
    { cause: error, refused: refusalOf(action, error) },
  );
}

function refusalOf(action: HostAction, error: unknown): Refusal | undefined {
  if (action.call !== 'idmap' || !(error instanceof SyscallError)) return undefined;
  // That a path is not there, or not to be had, has nothing to do with owners.
  return error.call === 'mount_setattr'
    ? { call: 'idmap', errno: error.errno, path: action.path }
    : undefined;
}

function hintOf(action: HostAction, error: unknown): string | undefined {
  if (action.call === 'write' || action.call === 'execute') return action.hint;
  if (action.call === 'idmap' && error instanceof SyscallError && error.call === 'mount_setattr')
    return `the file system of ${action.path}, or this kernel, may not be able to map owners (tmpfs: Linux 6.3, overlay: 5.19): keep it on ext4, xfs or btrfs, or leave --userns=auto (and idmap) out`;
  if (action.call === 'filter_devices') return filterHint(error);
  if (action.call === 'idmap')
    return '`tsbox doctor` shows whether this host allows user namespaces';
  return undefined;
}
