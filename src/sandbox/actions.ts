/** Carries out what only the parent can do, on the host (src/plan/action.ts). */
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoNumber } from '../abi/errno.ts';
import { removeCgroupTree } from '../linux/cgroup.ts';
import { attachDeviceFilter, isFilterWithheld } from '../linux/device-filter.ts';
import { idmappedMount } from '../linux/idmap.ts';
import { lentMount } from '../linux/lent-mount.ts';
import type { Moved } from '../linux/move-device.ts';
import { SyscallError } from '../linux/native.ts';
import { sendMessages } from '../linux/netlink.ts';
import { sendBatch } from '../linux/packet-filter.ts';
import { ProcFileError, writeProcFile } from '../linux/proc-file.ts';
import { filterFrames, openTap } from '../linux/tap.ts';
import { type HostAction, PID, printAction } from '../plan/action.ts';
import { deviceProgram } from '../plan/device-program.ts';
import { changeMessages } from '../plan/nftables-messages.ts';
import { BoxError } from './errors.ts';
import { bringMount } from './foreign-mount.ts';
import { runProgram, TimeLimitError } from './program.ts';
import { type Refusal, Refused } from './refusal.ts';
import type { Early } from './sandbox.ts';

/** What the actions have made: to be handed to the child. */
export interface Made {
  /** Of mounts and interfaces, in their order. */
  readonly descriptors: number[];
  /** Interfaces that the box has now. */
  readonly moved: Moved[];
}

/** What some actions need. */
export interface Means {
  /** Process id for {@link PID}, and whose user namespace mounts are mapped by. */
  readonly pid?: number;
  readonly early?: Early | undefined;
}

/** @throws BoxError that names the action. */
export async function carryOut(actions: readonly HostAction[], means: Means = {}): Promise<Made> {
  const made: Made = { descriptors: [], moved: [] };
  const withPid = (word: string) => word.replace(PID, String(means.pid));
  for (const action of actions) {
    try {
      const abort = isProgram(action) ? means.early?.abort : undefined;
      if (action.call === 'copy') await runProgram(copy(action), { abort });
      else if (action.call === 'execute')
        await runProgram(action.argv.map(withPid), { abort, seconds: action.seconds });
      else if (action.call === 'rmdir') await removeCgroupTree(action.path);
      else if (action.call === 'idmap')
        made.descriptors.push(idmappedMount(action.path, action.reach, pidOf(means)));
      else if (action.call === 'filter_devices')
        attachDeviceFilter(action.path, deviceProgram(action.rules));
      else if (action.call === 'foreign_mount') made.descriptors.push(await bringMount(action));
      else if (action.call === 'lend') made.descriptors.push(lentMount(action.path));
      else if (action.call === 'open_tap') made.descriptors.push(openTap(action.path, action.name));
      else if (action.call === 'filter_frames')
        filterFrames(pidOf(means), action.name, action.filter);
      else if (action.call === 'move_device')
        made.moved.push(await moveDevice(action, pidOf(means)));
      else if (action.call === 'set_table') sendBatch(changeMessages(action.change));
      else if (action.call === 'netlink') sendMessages(action.messages, means.pid);
      else if (action.call === 'mkdir') makeCgroup(action.path);
      else if (action.path.includes(PID)) writeProcFile(withPid(action.path), action.data);
      else writeFileSync(action.path, action.data);
    } catch (error) {
      if (action.call === 'write' && action.optional) continue;
      if (action.call === 'filter_devices' && action.optional && isFilterWithheld(error)) continue;
      if (action.call === 'netlink' && isAccepted(action, error)) continue;
      for (const fd of made.descriptors) closeSync(fd);
      for (const device of made.moved) device.giveBack();
      // Nobody wants to know any more why it failed, which is found out by trying again.
      if (isProgram(action) && means.early?.abort.aborted) throw new BoxError('ended by a signal');
      throw action.call === 'foreign_mount' ? error : failed(action, error);
    }
  }
  return made;
}

function isAccepted(
  { accept = [] }: Extract<HostAction, { readonly call: 'netlink' }>,
  error: unknown,
): boolean {
  return error instanceof SyscallError && accept.some((name) => errnoNumber(name) === error.errno);
}

/** Whether it may take a while. */
function isProgram({ call }: HostAction): boolean {
  return call === 'copy' || call === 'execute';
}

/** With owners, modes, times, links, devices and extended attributes: cp(1). */
function copy({ path, to }: Extract<HostAction, { readonly call: 'copy' }>): string[] {
  return ['/bin/cp', '-a', '--reflink=auto', '--', path, to];
}

function pidOf({ pid }: Means): number {
  if (pid === undefined) throw new Error('no process is given');
  return pid;
}

/** Few boxes ask for one: what it takes is loaded then. */
async function moveDevice(
  { name, to }: Extract<HostAction, { readonly call: 'move_device' }>,
  pid: number,
): Promise<Moved> {
  const { moveDevice: move } = await import('../linux/move-device.ts');
  return move(name, to, pid);
}

/** Not with `recursive`, which takes some errors of the kernel's for others. */
function makeCgroup(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

const slow =
  'it may wait for a name service that does not answer (/etc/nsswitch.conf): see whether `id` is slow, too';

function failed(action: HostAction, error: unknown): BoxError {
  const reason = error instanceof SyscallError ? error.message : (error as Error).message;
  return new Refused(
    refusalOf(action, error),
    {
      failed: `${action.call} failed: ${reason}`,
      call: firstOf(printAction(action)),
      why: action.why,
      hint: error instanceof TimeLimitError ? slow : 'hint' in action ? action.hint : undefined,
    },
    { cause: error },
  );
}

/** Messages are many lines. */
function firstOf(lines: string): string {
  const [first = '', ...more] = lines.split('\n');
  return more.length === 0 ? first : `${first} …`;
}

/** What the probes are told of it. */
function refusalOf(action: HostAction, error: unknown): Refusal {
  // What a program says is read by people; the probes find out by themselves.
  if (action.call === 'execute') {
    const errno = errnoNumber(error instanceof TimeLimitError ? 'ETIMEDOUT' : 'EPERM');
    return { call: posix.basename(action.argv[0] ?? ''), errno };
  }
  if (action.call === 'foreign_mount') return { call: action.call, errno: errnoNumber('EPERM') };
  if (action.call === 'netlink' || action.call === 'set_table' || action.call === 'move_device')
    return { call: 'sendto', errno: error instanceof SyscallError ? error.errno : 0 };
  const { call, path } = action;
  if (error instanceof ProcFileError) return error;
  if (!(error instanceof SyscallError)) return refusalOfNode(action, error);
  const { errno } = error;
  if (call !== 'idmap') return { call: error.call, errno, path };
  return {
    call: error.call === 'mount_setattr' ? call : error.call,
    errno,
    path,
    clone: ['CLONE_NEWUSER'],
  };
}

/** An error of Node's has the kernel's number, too, as a negative one. */
function refusalOfNode(
  { call, path }: Extract<HostAction, { readonly path: string }>,
  error: unknown,
): Refusal {
  const { errno = 0, path: found = path } = error as NodeJS.ErrnoException;
  return { call, errno: -errno, path: found };
}
