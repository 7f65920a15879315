/** What PID 1 of a micro-VM does before the box's own sections: a machine starts with nothing. */
import type { Arch } from '../abi/syscalls.ts';
import { HERE } from './arguments.ts';
import { mkdirat, openat, read } from './calls.ts';
import type { CloneFlag } from './container.ts';
import {
  finitModule,
  inotifyInit,
  sleepMilliseconds,
  supervise,
  watchCreation,
} from './machine-calls.ts';
import { mount } from './mount-calls.ts';
import { type Section, type Step, step } from './step.ts';
import { SUPERVISOR_DESCRIPTOR } from './terminal.ts';

/** A directory of the host's, as the guest finds it: a virtiofs tag and where it is mounted. */
export interface GuestShare {
  readonly tag: string;
  readonly path: string;
  readonly readonly: boolean;
}

/** Port of virtio-serial that carries the guest channel (native/channel.h). */
const CHANNEL = '/dev/vport0p1';

/** The workload's own; it shares the machine's network and user namespace with init alone. */
const namespaces: readonly CloneFlag[] = [
  'CLONE_NEWPID',
  'CLONE_NEWNS',
  'CLONE_NEWUTS',
  'CLONE_NEWIPC',
  'CLONE_NEWCGROUP',
];

/** What a machine is to have; paths are those of the initial root file system. */
export interface MachineParts {
  /** Drivers in the order in which they need each other; the console's last. */
  readonly modules: readonly string[];
  readonly shares: readonly GuestShare[];
  readonly anchor: string;
  /** Whether the workload has one. */
  readonly terminal: boolean;
  /** What is the workload's /etc/hosts, where the host changes it. */
  readonly hosts: string | undefined;
}

export function machineSections(
  arch: Arch,
  { modules, shares, anchor, terminal, hosts }: MachineParts,
): Section[] {
  return [
    { title: 'Machine', steps: kernelFileSystems(anchor) },
    {
      title: 'Drivers',
      steps: [...beforeDrivers(), ...modules.flatMap((path) => load(arch, path))],
    },
    { title: 'Guest channel', steps: openChannel(arch) },
    { title: 'Shared directories', steps: shares.flatMap(mountShare) },
    {
      title: 'Workload’s process',
      steps: [
        ...(hosts === undefined ? [] : [openHosts(arch, hosts)]),
        step(
          supervise(
            namespaces,
            'channel',
            terminal ? SUPERVISOR_DESCRIPTOR : undefined,
            hosts === undefined ? undefined : 'hosts',
          ),
          'init goes on serving the channel; the rest is the child’s',
        ),
      ],
    },
  ];
}

function kernelFileSystems(anchor: string): Step[] {
  return [
    step(mount('devtmpfs', '/dev', 'devtmpfs', []), 'devices that the kernel finds'),
    step(mount('proc', '/proc', 'proc', []), 'init counts what the kernel had to kill'),
    step(mkdirat(HERE, anchor, 0o755), 'where the mounts of the box are put together'),
  ];
}

/** The port appears a little after its driver: there is nothing to wait on but its creation. */
function beforeDrivers(): Step[] {
  return [step(inotifyInit(), 'to hear of the channel’s device', { into: 'watch' })];
}

function load(arch: Arch, path: string): Step[] {
  const name = path.split('/').at(-1) ?? path;
  const watch =
    name === 'virtio_console.ko' ? [step(watchCreation('watch', '/dev'), 'from here on')] : [];
  return [
    ...watch,
    step(openat(arch, path, ['O_RDONLY', 'O_CLOEXEC']), `the driver ${name}`, { into: name }),
    step(finitModule(name), 'becomes part of the kernel', { accept: ['EEXIST'] }),
  ];
}

/** Milliseconds between tries to open the channel, until its driver, which makes the device first, lets it be. */
const pauses = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

function openChannel(arch: Arch): Step[] {
  const open = openat(arch, CHANNEL, ['O_RDWR', 'O_CLOEXEC']);
  const why = 'streams, signals and exit status';
  const tries = pauses.flatMap((milliseconds) => [
    step(open, why, { into: 'channel', unless: 'channel', accept: ['ENXIO'] }),
    step(sleepMilliseconds(milliseconds), 'the device appears before its driver has finished it', {
      unless: 'channel',
    }),
  ]);
  return [
    step(read('watch', 4096), 'waits until the device is there'),
    ...tries,
    step(open, why, { into: 'channel', unless: 'channel' }),
  ];
}

function openHosts(arch: Arch, path: string): Step {
  const why = 'init writes into it what the host says of other boxes that come and go';
  return step(openat(arch, path, ['O_WRONLY', 'O_CLOEXEC']), why, { into: 'hosts' });
}

function mountShare({ tag, path, readonly }: GuestShare): Step[] {
  return [
    step(mkdirat(HERE, path, 0o755), `where ${tag} is mounted`),
    step(
      mount(tag, path, 'virtiofs', readonly ? ['MS_RDONLY'] : []),
      `a directory of the host, served by virtiofsd`,
    ),
  ];
}
