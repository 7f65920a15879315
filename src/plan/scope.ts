/**
 * A scope of the user's own systemd: a cgroup that tsbox may divide, where nobody has given it one
 * (systemd.scope(5), org.freedesktop.systemd1(5), systemd's "Control Group APIs and Delegation").
 * systemd removes it, and every cgroup below, when the last process has left it: whatever ends tsbox.
 */
import type { HostAction } from './action.ts';

/** How the user's systemd is asked. */
export interface UserManager {
  /** Path of busctl(1), systemd's own program for D-Bus. */
  readonly busctl: string;
  /** Of the bus, as in the D-Bus specification, "Server Addresses". */
  readonly address: string;
}

export function scopeName(id: string): string {
  return `tsbox-${id}.scope`;
}

/** Where systemd puts what users start (systemd.special(7)): said, as its older versions put it elsewhere. */
export const SLICE = 'app.slice';

/** Below the scope; the boxes' cgroups are beside it. */
const OWN = 'own';

/** Seconds for all that systemd is asked for: a busy host takes some. */
export const PATIENCE = 20;

const UNLIMITED = 2n ** 64n - 1n;

/** @param pid of tsbox, or what stands for it. */
export function startScope(
  manager: UserManager,
  id: string,
  pid: string,
): Extract<HostAction, { readonly call: 'execute' }> {
  const properties = [
    ['PIDs', 'au', '1', pid],
    ['Delegate', 'b', 'true'],
    ['Slice', 's', SLICE],
    ['CollectMode', 's', 'inactive-or-failed'],
    ['TasksMax', 't', String(UNLIMITED)],
    ['Description', 's', `tsbox, for the limits of box ${id}`],
  ];
  return {
    call: 'execute',
    argv: [
      ...onBus(manager, 'call'),
      '/org/freedesktop/systemd1',
      'org.freedesktop.systemd1.Manager',
      'StartTransientUnit',
      'ssa(sv)a(sa(sv))',
      scopeName(id),
      'fail',
      String(properties.length),
      ...properties.flat(),
      '0',
    ],
    seconds: PATIENCE,
    why: 'systemd moves tsbox into a cgroup that is yours to divide; tsbox asks it until that is done',
    hint: '`journalctl --user -n 20` has what systemd says of it',
  };
}

/** Prints whether the scope is active, and the number of its job: 0 when there is none left. */
export function lookAtScope(manager: UserManager, id: string): string[] {
  const unit = scopeName(id).replaceAll('-', '_2d').replaceAll('.', '_2e');
  return [
    ...onBus(manager, 'get-property'),
    `/org/freedesktop/systemd1/unit/${unit}`,
    'org.freedesktop.systemd1.Unit',
    'ActiveState',
    'Job',
  ];
}

/** Prints the cgroup of the user's systemd, from the root of the hierarchy. */
export function lookAtManager(manager: UserManager): string[] {
  return [
    ...onBus(manager, 'get-property'),
    '/org/freedesktop/systemd1',
    'org.freedesktop.systemd1.Manager',
    'ControlGroup',
  ];
}

function onBus({ busctl, address }: UserManager, verb: string): string[] {
  return [busctl, `--address=${address}`, verb, 'org.freedesktop.systemd1'];
}

/** tsbox leaves the scope's own cgroup, which can pass on limits when no process is in it. */
export function settleIn(scope: string): HostAction[] {
  const own = `${scope}/${OWN}`;
  return [
    { call: 'mkdir', path: own, why: 'tsbox’s own place in the scope' },
    {
      call: 'write',
      path: `${own}/cgroup.procs`,
      data: '0',
      why: 'a cgroup with processes in it has none below it with limits (cgroups(7), "no internal processes")',
    },
  ];
}
