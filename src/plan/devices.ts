/**
 * What every box has in /dev: the devices and links of the OCI runtime specification
 * (config-linux.md, "Default Devices" and "Default Symbolic Links").
 */
import type { Arch } from '../abi/syscalls.ts';
import type { Device } from '../spec/spec.ts';
import { HERE } from './arguments.ts';
import { openat2, symlinkat, umask } from './calls.ts';
import { fileInside, type Place } from './inside.ts';
import type { MountApi } from './mount-api.ts';
import type { MountAttribute } from './mount-calls.ts';
import { type Slot, type Step, step } from './step.ts';

const nodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** Of a mount of a device: what is written goes to the device, but the node's mode and owner are the host's. */
export const deviceAttributes: readonly MountAttribute[] = [
  'MOUNT_ATTR_RDONLY',
  'MOUNT_ATTR_NOSUID',
  'MOUNT_ATTR_NOEXEC',
];

/** Whether every box has it without being asked. */
export function isDefaultDevice({ path, source = path }: Device): boolean {
  return source === path && nodes.some((name) => path === `/dev/${name}`);
}

const links = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
  ['ptmx', 'pts/ptmx'],
] as const;

/** Fills the tmpfs that the slot `dev` holds. @param others devices that were asked for. */
export function deviceNodes(
  arch: Arch,
  dev: Slot,
  others: readonly Device[],
  mounts: MountApi,
): Step[] {
  const taken = new Set(others.map(({ path }) => path));
  return [
    step(umask(0), 'modes are meant as they are written'),
    ...nodes
      .filter((name) => !taken.has(`/dev/${name}`))
      .flatMap((name) => boundNode(arch, dev, name, mounts)),
    ...links.map(([name, target]) =>
      step(symlinkat(target, dev, name), `programs expect /dev/${name}`),
    ),
    step(umask(0o022), "what is made from here on is not everybody's to write"),
  ];
}

/**
 * A bind mount of the host's device, as every file system of the box is nodev: a root that may make
 * nodes (CAP_MKNOD is in the default set) could otherwise open the host's disks through its own.
 */
function boundNode(arch: Arch, dev: Slot, name: string, mounts: MountApi): Step[] {
  const [place, node] = [`${dev}.${name}`, `${dev}.${name}.node`];
  const source = { at: HERE, path: `/dev/${name}`, kind: 'file' } as const;
  return [
    step(
      openat2(
        arch,
        dev,
        name,
        ['O_CREAT', 'O_EXCL', 'O_RDONLY', 'O_CLOEXEC'],
        ['RESOLVE_IN_ROOT'],
        0o666,
      ),
      'an empty file to mount over; open for writing it would keep /dev from becoming read-only',
      { into: place },
    ),
    ...mounts.copy(source, node, 'this mount', `the host's /dev/${name}`),
    ...mounts.setAttributes(
      node,
      deviceAttributes,
      'this mount',
      "the host's node cannot be changed",
    ),
    ...mounts.attach(node, place, `the device /dev/${name}`),
  ];
}

/** Takes hold of the devices that were asked for while the host's tree is still in reach. */
export function openDevices(devices: readonly Device[], mounts: MountApi): Step[] {
  return devices.flatMap(({ path, source = path }, index) =>
    mounts.copy(
      { at: HERE, path: source, kind: 'file' },
      `device${index}`,
      'this mount',
      `what the box gets at ${path}`,
      { hint: 'a device must exist on the host' },
    ),
  );
}

/** Puts the device with this number in its place. */
export function attachDevice(
  arch: Arch,
  device: Device,
  index: number,
  place: Place,
  mounts: MountApi,
): Step[] {
  const [slot, target] = [`device${index}`, `device${index}.place`];
  return [
    ...fileInside(arch, place, target),
    ...mounts.setAttributes(
      slot,
      deviceAttributes,
      'this mount',
      "the host's node cannot be changed; what is written goes to the device",
    ),
    ...mounts.attach(
      slot,
      target,
      `the device ${device.source ?? device.path} at ${device.path}`,
      `${device.path} must be a file of the image, or nothing: use another image or path`,
    ),
  ];
}
