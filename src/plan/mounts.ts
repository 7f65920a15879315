/** The mounts of the specification, in its order, each attached to a place that was found safely. */
import type { Box } from '../spec/box.ts';
import type { Mount } from '../spec/spec.ts';
import { HERE } from './arguments.ts';
import { borrow, borrowedFrom } from './borrowed.ts';
import { attachDevice, deviceNodes } from './devices.ts';
import { isForeign } from './foreign-mounts.ts';
import type { Host } from './host.ts';
import { directoryInside, fileInside, type Place } from './inside.ts';
import { inheritForeign, inheritVolume, isMapped } from './mapped.ts';
import { inherited, type MountApi } from './mount-api.ts';
import type { MountAttribute } from './mount-calls.ts';
import { attributesOf, dataOf, isPropagated, propagationOf, reachOf } from './mount-words.ts';
import { type OwnMount, ownMounts, placeOf } from './places.ts';
import { type Slot, type Step, step } from './step.ts';

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

/**
 * Takes hold of the bind mounts' sources while the host's tree is still in reach: those to and from
 * which mounts propagate before the box's mount namespace leaves the host's alone, all others after.
 */
export function openSources(
  box: Box,
  host: Host,
  mounts: MountApi,
  which: 'propagated' | 'others',
): Step[] {
  return ownMounts(box, host)
    .filter(({ mount }) => mount.type === 'bind')
    .filter(({ mount }) => isPropagated(mount) === (which === 'propagated'))
    .flatMap(({ mount, slot }) => openSource(box, mount, slot, host, mounts));
}

function targetOf(slot: Slot): Slot {
  return `${slot}.place`;
}

function openSource(box: Box, mount: Mount, into: Slot, host: Host, mounts: MountApi): Step[] {
  const why = `what the box gets at ${mount.destination}`;
  if (isMapped(mount)) return [step(inheritVolume(box, host, mount), why, { into })];
  const kind = host.sources.get(mount.source) ?? 'directory';
  const hint = 'the source of a volume must exist on the host';
  return mounts.copy({ at: HERE, path: mount.source, kind }, into, reachOf(mount), why, { hint });
}

/** Attaches every mount inside the root file system, or inside one that was attached before it. */
export function attachMounts(box: Box, host: Host, api: MountApi): Step[] {
  const mounts = ownMounts(box, host);
  return mounts.flatMap((own, index) => {
    const place = placeOf(own.mount.destination, mounts.slice(0, index));
    const { mount, slot } = own;
    if (mount.type === 'bind') return bind(own, place, host, api);
    const { devices, mountLabel } = box.spec.linux;
    const labelledOwn = { mount: labelled(mount, mountLabel), slot };
    if (isForeign(box, mount)) return foreign(own, place, box, host, api);
    const from = borrowedFrom(box, host, mount);
    if (from !== undefined) return lent(from, own, place, host, api);
    const steps = fresh(labelledOwn, mount.type, place, host, api);
    return isDev(mount) ? [...steps, ...deviceNodes(host.arch, slot, devices, api)] : steps;
  });
}

/** Puts the devices that were asked for in their places: inside the mounts, when all are there. */
export function attachDevices(box: Box, host: Host, api: MountApi): Step[] {
  const mounts = ownMounts(box, host);
  return box.spec.linux.devices.flatMap((device, index) =>
    attachDevice(host.arch, device, index, placeOf(device.path, mounts), api),
  );
}

function bind({ mount, slot }: OwnMount, place: Place, host: Host, api: MountApi): Step[] {
  const target = targetOf(slot);
  const file = host.sources.get(mount.source) === 'file';
  return [
    ...(file
      ? fileInside(host.arch, place, target)
      : directoryInside(host.arch, place, target, 'followed inside')),
    ...setVolumeAttributes(mount, slot, host, api),
    ...setVolumePropagation(mount, slot, api),
    ...api.attach(
      slot,
      target,
      `${mount.source} at ${mount.destination}`,
      file
        ? `a file can be mounted over a file only: where ${mount.destination} is a directory, name a file in it`
        : undefined,
    ),
  ];
}

function setVolumeAttributes(mount: Mount, slot: Slot, host: Host, api: MountApi): Step[] {
  const before = inherited(host, mount.source);
  const recursive = attributesOf(mount, 'recursive');
  const own = attributesOf(mount, 'this mount');
  const why = `the volume is ${mount.options.join(', ')}`;
  return [
    ...(recursive.length === 0
      ? []
      : api.setAttributes(slot, [...before, ...recursive], 'recursive', why)),
    ...(own.length === 0
      ? []
      : api.setAttributes(slot, [...before, ...recursive, ...own], 'this mount', why)),
  ];
}

/** It is private already, unless it was opened before the mount namespace was made so. */
function setVolumePropagation(mount: Mount, slot: Slot, api: MountApi): Step[] {
  const asked = propagationOf(mount);
  if (asked === undefined || asked.value === 'MS_PRIVATE') return [];
  return api.setPropagation(slot, asked.value, asked.reach, propagationReasons[asked.value]);
}

const propagationReasons = {
  MS_SLAVE: 'what the host mounts there is seen in the box',
  MS_SHARED: 'what is mounted there is seen on both sides',
  MS_UNBINDABLE: 'no other mount can be made of it',
} as const;

function fresh(
  { mount, slot }: OwnMount,
  type: Exclude<Mount['type'], 'bind'>,
  place: Place,
  host: Host,
  api: MountApi,
): Step[] {
  const target = targetOf(slot);
  // A link at /proc, /sys or /dev would put the kernel's files where the image wants them.
  const links = type === 'tmpfs' && !isDev(mount) ? 'followed inside' : 'refused';
  const [fileSystem, why] = [kernelTypes[type], reasons[type]];
  return [
    ...directoryInside(host.arch, place, target, links),
    ...api.newFileSystem(fileSystem, dataOf(mount), freshAttributes(mount), slot, why),
    ...api.attach(slot, target, `attached at ${mount.destination}`),
  ];
}

function foreign({ mount, slot }: OwnMount, place: Place, box: Box, host: Host, api: MountApi) {
  const target = targetOf(slot);
  const why = `what tsbox has brought for ${mount.destination}`;
  return [
    ...directoryInside(host.arch, place, target, 'refused'),
    step(inheritForeign(box, host, mount), why, { into: slot }),
    ...api.setAttributes(
      slot,
      attributesOf(mount, 'this mount'),
      'this mount',
      'and no more can be done with it',
    ),
    ...api.attach(slot, target, `attached at ${mount.destination}`),
  ];
}

function lent(from: string, { mount, slot }: OwnMount, place: Place, host: Host, api: MountApi) {
  const target = targetOf(slot);
  return [
    ...directoryInside(host.arch, place, target, 'refused'),
    ...borrow(from, slot, attributesOf(mount, 'this mount'), api),
    ...api.attach(slot, target, `attached at ${mount.destination}`),
  ];
}

/** SELinux's context for the files of a file system that has no labels of its own. */
function labelled(mount: Mount, label: string | undefined): Mount {
  if (label === undefined || !['tmpfs', 'devpts', 'mqueue'].includes(mount.type)) return mount;
  return { ...mount, options: [...mount.options, `context=${label}`] };
}

function freshAttributes(mount: Mount): MountAttribute[] {
  const asked = attributesOf(mount, 'this mount');
  if (!isDev(mount)) return asked;
  // The devices in it are mounts of their own (devices.ts), whose places have to be made.
  return [...asked.filter((each) => each !== 'MOUNT_ATTR_RDONLY'), 'MOUNT_ATTR_NODEV'];
}

/** Makes /dev read-only where that is asked for, once all is there. */
export function sealDev(box: Box, host: Host, api: MountApi): Step[] {
  return ownMounts(box, host)
    .filter(({ mount }) => isDev(mount) && mount.options.includes('ro'))
    .flatMap(({ mount, slot }) =>
      api.setAttributes(
        slot,
        [...freshAttributes(mount), 'MOUNT_ATTR_RDONLY'],
        'this mount',
        '/dev can no longer be changed',
      ),
    );
}

function isDev({ destination, type }: Mount): boolean {
  return destination === '/dev' && type === 'tmpfs';
}
