/** The mounts of the specification, in its order, each attached through descriptors alone. */
import type { Box } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import { HERE } from './arguments.ts';
import { type MountAttribute, mountSetattr, moveMount, openTree } from './calls.ts';
import { attachDevice, deviceNodes } from './devices.ts';
import type { Host } from './host.ts';
import { directoryInside, fileInside } from './inside.ts';
import { newFileSystem } from './root.ts';
import { type Slot, type Step, step } from './step.ts';

const attributeWords: Readonly<Record<string, MountAttribute>> = {
  ro: 'MOUNT_ATTR_RDONLY',
  nosuid: 'MOUNT_ATTR_NOSUID',
  nodev: 'MOUNT_ATTR_NODEV',
  noexec: 'MOUNT_ATTR_NOEXEC',
  noatime: 'MOUNT_ATTR_NOATIME',
  strictatime: 'MOUNT_ATTR_STRICTATIME',
};

/** Words that are the kernel's default, or that `bind` already says. */
const silentWords = new Set([
  'rw',
  'relatime',
  'bind',
  'rbind',
  'private',
  'rprivate',
  'newinstance',
]);

/** fsopen(2)'s names for the specification's types. */
const kernelTypes: Readonly<Record<Exclude<Mount['type'], 'bind'>, string>> = {
  proc: 'proc',
  sysfs: 'sysfs',
  tmpfs: 'tmpfs',
  devpts: 'devpts',
  mqueue: 'mqueue',
  cgroup: 'cgroup2',
};

const reasons: Readonly<Record<Exclude<Mount['type'], 'bind'>, string>> = {
  proc: 'the box sees only its own processes in /proc',
  sysfs: "the kernel's view of devices, not to be changed",
  tmpfs: 'in memory, gone with the box',
  devpts: 'terminals of its own',
  mqueue: 'POSIX message queues of its own IPC namespace',
  cgroup: 'the box sees its own cgroup as the root',
};

/** Takes hold of every bind mount's source while the host's tree is still in reach. */
export function openSources(box: Box): Step[] {
  return box.spec.mounts.flatMap((mount, index) =>
    mount.type === 'bind'
      ? [
          step(
            openTree(HERE, mount.source, ['OPEN_TREE_CLONE', 'OPEN_TREE_CLOEXEC', 'AT_RECURSIVE']),
            `what the box gets at ${mount.destination}`,
            { into: mountSlot(index), hint: 'the source of a volume must exist on the host' },
          ),
        ]
      : [],
  );
}

/** Attaches every mount inside the root file system, or inside one that was attached before it. */
export function attachMounts(box: Box, host: Host): Step[] {
  const { mounts } = box.spec;
  return mounts.flatMap((mount, index) => {
    if (mount.type === 'cgroup' && host.cgroup === undefined) return [];
    const place = placeOf(mount.destination, mounts.slice(0, index));
    const steps =
      mount.type === 'bind'
        ? bind(mount, index, place, host)
        : fresh(labelled(mount, box.spec.linux.mountLabel), mount.type, index, place, host);
    return isDev(mount)
      ? [...steps, ...deviceNodes(host.arch, mountSlot(index), box.spec.linux.devices)]
      : steps;
  });
}

/** Puts the devices that were asked for in their places: inside the mounts, when all are there. */
export function attachDevices({ spec }: Box, host: Host): Step[] {
  return spec.linux.devices.flatMap((device, index) => {
    const { base, path } = placeOf(device.path, spec.mounts);
    return attachDevice(host.arch, device, index, base, path);
  });
}

/** Where the mount with that place in the specification is. */
export function mountSlot(index: number): Slot {
  return `mount${index}`;
}

interface Place {
  /** The root file system, or an earlier mount. */
  readonly base: Slot;
  /** Path from there. */
  readonly path: string;
}

/** The innermost of the earlier mounts that the destination lies in, by their names. */
function placeOf(destination: string, earlier: readonly Mount[]): Place {
  const around = earlier
    .map((mount, index) => ({ path: mount.destination, slot: mountSlot(index) }))
    .filter(({ path }) => destination.startsWith(`${path}/`))
    .toSorted((one, other) => one.path.length - other.path.length)
    .at(-1);
  return around === undefined
    ? { base: 'root', path: destination }
    : { base: around.slot, path: destination.slice(around.path.length) };
}

function bind(mount: Mount, index: number, { base, path }: Place, host: Host): Step[] {
  const [slot, target] = [mountSlot(index), `target${index}`];
  const attributes = attributesOf(mount);
  return [
    ...(host.sources.get(mount.source) === 'file'
      ? fileInside(host.arch, base, path, target)
      : directoryInside(host.arch, base, path, target, 'followed inside')),
    ...(attributes.length === 0
      ? []
      : [
          step(
            mountSetattr(slot, attributes, 'recursive'),
            `the volume is ${mount.options.join(', ')}`,
          ),
        ]),
    step(moveMount(slot, target), `${mount.source} at ${mount.destination}`),
  ];
}

function fresh(
  mount: Mount,
  type: Exclude<Mount['type'], 'bind'>,
  index: number,
  { base, path }: Place,
  host: Host,
): Step[] {
  const [slot, target] = [mountSlot(index), `target${index}`];
  const data = mount.options.filter((word) => !(word in attributeWords) && !silentWords.has(word));
  // A link at /proc, /sys or /dev would put the kernel's files where the image wants them.
  const links = type === 'tmpfs' && !isDev(mount) ? 'followed inside' : 'refused';
  return [
    ...directoryInside(host.arch, base, path, target, links),
    ...newFileSystem(kernelTypes[type], data, attributesOf(mount), slot, reasons[type]),
    step(moveMount(slot, target), `attached at ${mount.destination}`),
  ];
}

/** SELinux's context for the files of a file system that has no labels of its own. */
function labelled(mount: Mount, label: string | undefined): Mount {
  if (label === undefined || !['tmpfs', 'devpts', 'mqueue'].includes(mount.type)) return mount;
  return { ...mount, options: [...mount.options, `context=${label}`] };
}

function attributesOf(mount: Mount): MountAttribute[] {
  const asked = mount.options.flatMap((word) => attributeWords[word] ?? []);
  // The devices in it are mounts of their own (devices.ts).
  return isDev(mount) ? [...asked, 'MOUNT_ATTR_NODEV'] : asked;
}

function isDev({ destination, type }: Mount): boolean {
  return destination === '/dev' && type === 'tmpfs';
}
