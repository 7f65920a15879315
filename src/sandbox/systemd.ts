/**
 * Asks the user's own systemd for a scope (src/plan/scope.ts). Loaded when a limit could not be kept
 * otherwise. tsbox itself is moved, not a process of the box: the kernel lets it clone into a cgroup
 * only where it may also write in what is above both (cgroups(7), "Cgroups delegation: delegation containment").
 */
import { accessSync, constants, existsSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupMount, findCgroups, ownCgroup, words } from '../linux/cgroup-place.ts';
import { lackingControllers } from '../plan/cgroup.ts';
import type { CgroupHost, Host } from '../plan/host.ts';
import {
  lookAtManager,
  lookAtScope,
  PATIENCE,
  SLICE,
  scopeName,
  settleIn,
  startScope,
  type UserManager,
} from '../plan/scope.ts';
import type { Resources } from '../spec/spec.ts';
import { carryOut } from './actions.ts';
import { BoxError } from './errors.ts';
import { runProgram } from './program.ts';
import type { Early } from './sandbox.ts';

/** Why systemd gives no cgroup, in a part of a sentence, and what to do about it. */
export interface NoScope {
  readonly why: string;
  readonly mend: string;
}

/** Milliseconds between two questions whether it is done. */
const PAUSE = 5;

/**
 * Has tsbox moved into a scope, where its limits can be kept then.
 * @returns the host as it is from then on, with the reason where there is no scope.
 */
export async function enterScope(
  before: Host,
  resources: Resources,
  id: string,
  early: Early | undefined,
): Promise<Host> {
  if (process.geteuid?.() === 0 || before.cgroupLack === 'not mounted') return before;
  // Another attempt may have asked already.
  const host = withCgroup(before, findCgroups());
  if (lackingControllers(resources, host.cgroup?.controllers ?? []).length === 0) return host;
  const manager = findManager(resources);
  const refused = 'why' in manager ? manager : await moveInto(manager, id, early?.abort);
  return refused === undefined
    ? withCgroup(host, findCgroups())
    : { ...host, noScope: `${refused.why}: ${refused.mend}` };
}

/** What {@link enterScope} would find, without being moved. */
export async function foreseeScope(
  host: Host,
  resources: Resources,
  id: string,
): Promise<{ readonly host: Host; readonly manager?: UserManager }> {
  if (process.geteuid?.() === 0 || host.cgroupLack === 'not mounted') return { host };
  const manager = findManager(resources);
  const place = 'why' in manager ? manager : await placeOf(manager);
  if ('why' in place) return { host: { ...host, noScope: `${place.why}: ${place.mend}` } };
  const cgroup = { ...place, top: `${place.top}/${scopeName(id)}` };
  return 'why' in manager ? { host } : { host: withCgroup(host, cgroup), manager };
}

/** Where systemd would make scopes, for the limits that need one. */
export async function findScopes(): Promise<CgroupHost | NoScope> {
  const manager = findManager({});
  return 'why' in manager ? manager : placeOf(manager);
}

function withCgroup({ cgroupLack: _, ...host }: Host, found: ReturnType<typeof findCgroups>): Host {
  return typeof found === 'string' ? { ...host, cgroupLack: found } : { ...host, cgroup: found };
}

const places = ['/usr/bin/busctl', '/bin/busctl', '/run/current-system/sw/bin/busctl'];

function findManager(resources: Resources): UserManager | NoScope {
  const mount = cgroupMount() ?? '';
  const lacking = lackingControllers(resources, words(`${mount}/cgroup.controllers`));
  if (lacking.length > 0)
    return {
      why: `${mount} itself does not have ${lacking.join(', ')}`,
      mend: '`tsbox doctor` tells who withholds it',
    };
  // sd_booted(3)
  if (!existsSync('/run/systemd/system'))
    return { why: 'it does not run this host', mend: byRoot(mount) };
  if (!knowsOurPids())
    return {
      why: 'tsbox is in a PID namespace that is not systemd’s, where processes have other numbers',
      mend: 'run tsbox outside of this container',
    };
  const busctl = places.find(isExecutable);
  if (busctl === undefined)
    return { why: 'busctl is not there', mend: 'install systemd’s own programs' };
  const address = findBus();
  return typeof address === 'string' ? { busctl, address } : address;
}

/** What a user needs: cgroups(7), "Cgroups delegation". */
function byRoot(mount: string): string {
  const uid = process.geteuid?.() ?? 0;
  const own = `user-${uid}`;
  return `as root: cd ${mount} && echo +cpu +memory +pids >cgroup.subtree_control && mkdir -p ${own}/shell && chown ${uid} ${own} ${own}/cgroup.procs ${own}/cgroup.subtree_control && echo PID >${own}/shell/cgroup.procs, with PID of your shell`;
}

/** A number of another namespace would have another process moved: the first one of ours is the host's, or systemd. */
function knowsOurPids(): boolean {
  const INITIAL = 'pid:[4026531836]';
  return readlinkSync('/proc/self/ns/pid') === INITIAL || firstProcess() === 'systemd';
}

/** Its name; proc(5): with hidepid=2 others' processes are not shown. */
function firstProcess(): string | undefined {
  try {
    return readFileSync('/proc/1/comm', 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The bus at which systemd is comes first: another one may have been started for a desktop. */
function findBus(): string | NoScope {
  const uid = process.geteuid?.() ?? 0;
  const { XDG_RUNTIME_DIR: runtime, DBUS_SESSION_BUS_ADDRESS: address } = process.env;
  const sockets = [...(runtime?.startsWith('/') ? [runtime] : []), `/run/user/${uid}`];
  const socket = sockets.map((directory) => `${directory}/bus`).find((path) => existsSync(path));
  if (socket !== undefined) return `unix:path=${encodeURIComponent(socket).replaceAll('%2F', '/')}`;
  if (address !== undefined && address !== '') return address;
  return {
    why: `there is no ${sockets[0]}/bus by which yours could be asked`,
    mend: `log in instead of using su or sudo, or have root run \`loginctl enable-linger ${uid}\`; Debian needs the package dbus-user-session`,
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns why tsbox could not be moved. @throws Error when it is told to end, or cannot settle in the scope. */
async function moveInto(
  manager: UserManager,
  id: string,
  abort: AbortSignal | undefined,
): Promise<NoScope | undefined> {
  const limit = AbortSignal.timeout(PATIENCE * 1000);
  const until = abort === undefined ? limit : AbortSignal.any([abort, limit]);
  try {
    await runProgram(startScope(manager, id, String(process.pid)).argv, { abort: until });
    const state = await whenDone(manager, id, until);
    const scope = ownCgroup(cgroupMount() ?? '');
    // A scope can be given up at once though tsbox is in it: systemd's issue 36781.
    if (state !== 'active' || !scope.endsWith(`/${scopeName(id)}`))
      return {
        why: `it could not move tsbox into ${scopeName(id)}, which is ${state}`,
        mend: '`journalctl --user -n 20` has what it says of it',
      };
    await carryOut(settleIn(scope));
    return undefined;
  } catch (error) {
    if (abort?.aborted || error instanceof BoxError) throw error;
    return refusal(error as Error, limit);
  }
}

/** The answer to the call comes before the scope is there. */
async function whenDone(manager: UserManager, id: string, until: AbortSignal): Promise<string> {
  for (;;) {
    const said = await runProgram(lookAtScope(manager, id), { abort: until });
    const [, state = 'unknown', job] = /^s "(.*)"\n\(uo\) (\d+) /.exec(said) ?? [];
    if (job === '0') return state;
    await sleep(PAUSE, undefined, { signal: until });
  }
}

async function placeOf(manager: UserManager): Promise<CgroupHost | NoScope> {
  const limit = AbortSignal.timeout(PATIENCE * 1000);
  try {
    const said = await runProgram(lookAtManager(manager), { abort: limit });
    const mount = cgroupMount() ?? '';
    const own = `${mount}${/^s "(.*)"/.exec(said)?.[1] ?? ''}`;
    return { mount, top: `${own}/${SLICE}`, controllers: words(`${own}/cgroup.controllers`) };
  } catch (error) {
    return refusal(error as Error, limit);
  }
}

function refusal(error: Error, limit: AbortSignal): NoScope {
  return limit.aborted
    ? {
        why: `it did not answer within ${PATIENCE} s`,
        mend: 'see whether `systemctl --user status` answers; if not, log in anew',
      }
    : {
        why: `it refused: ${error.message.replace(/^Call failed: /, '').replace(/\.$/, '')}`,
        mend: '`journalctl --user -n 20` has what it says of it',
      };
}
