/** The mounts of the specification, in its order, each attached through descriptors alone. */
import type { Box } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import { HERE, type MountAttribute, mountSetattr, moveMount, openTree } from './calls.ts';
import { deviceNodes } from './devices.ts';
import type { Host } from './host.ts';
import { directoryInside, fileInside } from './inside.ts';
import { newFileSystem } from './root.ts';
import { type Step, step } from './step.ts';

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
            { into: `mount${index}`, hint: 'the source of a volume must exist on the host' },
          ),
        ]
      : [],
  );
}

/** Attaches every mount inside the root file system. */
export function attachMounts(box: Box, host: Host): Step[] {
  return box.spec.mounts
    .filter((mount) => mount.type !== 'cgroup' || host.cgroup !== undefined)
    .flatMap((mount) => {
      const index = box.spec.mounts.indexOf(mount);
      const steps =
        mount.type === 'bind' ? bind(mount, index, host) : fresh(mount, mount.type, index, host);
      return mount.destination === '/dev' && mount.type === 'tmpfs'
        ? [...steps, ...deviceNodes(host.arch, `mount${index}`)]
        : steps;
    });
}

function bind(mount: Mount, index: number, host: Host): Step[] {
  const [slot, target] = [`mount${index}`, `target${index}`];
  const attributes = attributesOf(mount);
  return [
    ...(host.sources.get(mount.source) === 'file'
      ? fileInside(host.arch, 'root', mount.destination, target)
      : directoryInside(host.arch, 'root', mount.destination, target, 'followed inside')),
    ...(attributes.length === 0
      ? []
      : [
          step(
            mountSetattr(slot, attributes, 'recursive'),
            `the volume is ${mount.options.join(', ')}`,
          ),
        ]),
    step(moveMount(slot, target), `the host's ${mount.source} at ${mount.destination}`),
  ];
}

function fresh(
  mount: Mount,
  type: Exclude<Mount['type'], 'bind'>,
  index: number,
  host: Host,
): Step[] {
  const [slot, target] = [`mount${index}`, `target${index}`];
  const data = mount.options.filter((word) => !(word in attributeWords) && !silentWords.has(word));
  // A link at /proc, /sys or /dev would put the kernel's files where the image wants them.
  const links = type === 'tmpfs' && mount.destination !== '/dev' ? 'followed inside' : 'refused';
  return [
    ...directoryInside(host.arch, 'root', mount.destination, target, links),
    ...newFileSystem(kernelTypes[type], data, attributesOf(mount), slot, reasons[type]),
    step(moveMount(slot, target), `attached at ${mount.destination}`),
  ];
}

function attributesOf(mount: Mount): MountAttribute[] {
  return mount.options.flatMap((word) => attributeWords[word] ?? []);
}
