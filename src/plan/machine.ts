/** What PID 1 of a micro-VM does before the box's own sections: a machine starts with nothing. */
import type { Arch } from '../abi/syscalls.ts';
import { HERE } from './arguments.ts';
import { duplicateAt, mkdirat, openat, openat2, read, write, writeContent } from './calls.ts';
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

/** Where init serves it: CHANNEL_DESCRIPTOR of native/channel.h. */
const CHANNEL_DESCRIPTOR = 63;

/** The only disk that a machine has. */
const DISK = '/dev/vda';

/** The workload's own; it shares the machine's network and user namespace with init alone. */
const namespaces: readonly CloneFlag[] = [
  'CLONE_NEWPID',
  'CLONE_NEWNS',
  'CLONE_NEWUTS',
  'CLONE_NEWIPC',
  'CLONE_NEWCGROUP',
];

/**
 * The machine's own, whatever box it is for.
 * @param modules drivers in the order in which they need each other, the console's last; paths are those
 *   of the initial root file system.
 * @param anchor where the mounts of the box are put together.
 */
export function machineSections(arch: Arch, modules: readonly string[], anchor: string): Section[] {
  return [
    { title: 'Machine', steps: [...kernelFileSystems(anchor), ...endThrashing(arch)] },
    { title: 'Drivers', steps: loadAll(arch, modules) },
    { title: 'Guest channel', steps: openChannel(arch) },
  ].filter(({ steps }) => steps.length > 0);
}

const SYSFS = '/run/sys';
const DISK_DRIVER = `${SYSFS}/bus/virtio/drivers/virtio_blk`;

/** More than a machine has: which of them the disk is depends on QEMU. */
const devices = ['virtio0', 'virtio1', 'virtio2', 'virtio3', 'virtio4', 'virtio5'];

/** Has the driver forget the disk, so that a copy of the machine can have another. */
export function forgetDisk(arch: Arch): Section[] {
  return [
    {
      title: 'No disk yet',
      steps: [...tellDriver(arch, 'unbind', 'the machine’s copies may have other disks')],
    },
  ];
}

/** And look at it anew. */
export function findDisk(arch: Arch): Section[] {
  return [
    {
      title: 'Disk driver',
      steps: tellDriver(arch, 'bind', 'the disk of this machine, and its size'),
    },
  ];
}

function tellDriver(arch: Arch, word: 'bind' | 'unbind', why: string): Step[] {
  return [
    step(openat(arch, `${DISK_DRIVER}/${word}`, ['O_WRONLY', 'O_CLOEXEC']), why, { into: word }),
    ...devices.map((name) =>
      step(write(word, name), 'if it is the disk', { accept: ['ENODEV', 'EBUSY'] }),
    ),
  ];
}

/** The image of the box, which the machine has as its disk. @param path where the box finds it. */
export function diskSections(path: string): Section[] {
  return [
    {
      title: 'Disk',
      steps: [
        step(mkdirat(HERE, path, 0o755), 'where the image is mounted'),
        step(mount(DISK, path, 'erofs', ['MS_RDONLY']), 'the image, which nothing can change'),
      ],
    },
  ];
}

/** What one box has from the host. */
export interface BoxSupplies {
  readonly shares: readonly GuestShare[];
  readonly files: readonly SuppliedFile[];
  /** Whether the workload has one. */
  readonly terminal: boolean;
}

/** A file of the host's, as the guest has it; paths are absolute. */
export interface SuppliedFile {
  readonly path: string;
  readonly content: Uint8Array;
  /** Whether the host changes it while the box runs: at most one of them, which is /etc/hosts. */
  readonly changes: boolean;
}

export function supplySections(arch: Arch, { shares, files, terminal }: BoxSupplies): Section[] {
  const changing = files.find(({ changes }) => changes);
  const sections = [
    { title: 'Files of the host', steps: files.flatMap((file) => makeFile(arch, file)) },
    { title: 'Shared directories', steps: shares.flatMap(mountShare) },
    {
      title: 'Workload’s process',
      steps: [
        step(
          supervise(namespaces, terminal ? SUPERVISOR_DESCRIPTOR : undefined, changing?.path),
          'init goes on serving the channel; the rest is the child’s',
        ),
      ],
    },
  ];
  return sections.filter((section) => section.steps.length > 0);
}

function kernelFileSystems(anchor: string): Step[] {
  return [
    step(mount('devtmpfs', '/dev', 'devtmpfs', []), 'devices that the kernel finds'),
    step(mount('proc', '/proc', 'proc', []), 'init counts what the kernel had to kill'),
    step(mkdirat(HERE, anchor, 0o755), 'where the mounts of the box are put together'),
    step(mkdirat(HERE, SYSFS, 0o755), 'where the kernel is told of'),
    step(mount('sysfs', SYSFS, 'sysfs', []), 'its devices, drivers and memory'),
  ];
}

/**
 * Without swap a kernel that lacks memory reads the image's programs again and again before it ends one:
 * mm/multigen_lru.rst of its documentation, "Thrashing prevention". One that has not got that goes without.
 */
function endThrashing(arch: Arch): Step[] {
  const set = (name: string, value: string, why: string): Step[] => [
    step(openat(arch, `${SYSFS}/kernel/mm/lru_gen/${name}`, ['O_WRONLY', 'O_CLOEXEC']), why, {
      into: name,
      accept: ['ENOENT'],
    }),
    step(write(name, value), why),
  ];
  return [
    ...set('enabled', 'y', 'pages are told apart by their age'),
    ...set('min_ttl_ms', '300', 'what was used a moment ago stays, or a program is ended'),
  ];
}

/** The port appears a little after its driver: there is nothing to wait on but its creation. */
function loadAll(arch: Arch, modules: readonly string[]): Step[] {
  const last = modules.at(-1);
  if (last === undefined) return [];
  return [
    step(inotifyInit(), 'to hear of the channel’s device', { into: 'watch' }),
    ...modules.slice(0, -1).flatMap((path) => load(arch, path)),
    step(watchCreation('watch', '/dev'), 'from here on'),
    ...load(arch, last),
    step(read('watch', 4096), 'waits until the device is there'),
  ];
}

function load(arch: Arch, path: string): Step[] {
  const name = path.split('/').at(-1) ?? path;
  return [
    step(openat(arch, path, ['O_RDONLY', 'O_CLOEXEC']), `the driver ${name}`, { into: name }),
    step(finitModule(name), 'becomes part of the kernel', { accept: ['EEXIST'] }),
  ];
}

/**
 * Milliseconds between tries to open the channel, until its driver, which makes the device first, lets it
 * be; a driver that is part of the kernel may not have made it yet.
 */
const pauses = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

function openChannel(arch: Arch): Step[] {
  const open = openat(arch, CHANNEL, ['O_RDWR', 'O_CLOEXEC']);
  const why = 'streams, signals and exit status';
  const tries = pauses.flatMap((milliseconds) => [
    step(open, why, { into: 'channel', unless: 'channel', accept: ['ENXIO', 'ENOENT'] }),
    step(sleepMilliseconds(milliseconds), 'the device appears before its driver has finished it', {
      unless: 'channel',
    }),
  ]);
  return [
    ...tries,
    step(open, why, { into: 'channel', unless: 'channel' }),
    step(duplicateAt('channel', CHANNEL_DESCRIPTOR), 'where init serves it'),
  ];
}

function makeFile(arch: Arch, { path, content, changes }: SuppliedFile): Step[] {
  const create = openat2(arch, HERE, path, ['O_CREAT', 'O_WRONLY', 'O_CLOEXEC'], [], 0o644);
  return [
    step(
      create,
      changes ? 'init writes into it what the host says of other boxes' : 'as the host has it',
      { into: path },
    ),
    step(writeContent(path, content), 'what it is now'),
  ];
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
