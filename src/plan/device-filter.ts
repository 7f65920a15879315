/**
 * Which devices the processes of a box may open and make nodes of, kept by the kernel for the box's
 * cgroup and all below it (cgroup-v2.rst, "Device controller").
 *
 * It is the second protection. The first is that every file system of a box is nodev, and the devices
 * in it are mounts of single nodes of the host's (devices.ts): that needs no privilege and no cgroup.
 * So where the filter cannot be had (no cgroup v2, no right to load eBPF), a box goes without, unless
 * something was asked for that mounts of nodes do not keep: see {@link filterIsNeeded}.
 */
import { type Asker, askedName } from '../spec/asked-name.ts';
import type { Box } from '../spec/box.ts';
import { defaultDeviceRules } from '../spec/defaults.ts';
import { allows } from '../spec/device-rules.ts';
import type { DeviceRule, Mount, Spec } from '../spec/spec.ts';
import type { HostAction } from './action.ts';
import { accountPath, lacks } from './cgroup.ts';
import type { CgroupHost, Host } from './host.ts';
import { attributesOf, reachOf } from './mount-words.ts';

/** Those of the specification come first, as elsewhere: one that denies all takes nothing of these away. */
function rulesOf({ linux }: Spec): readonly DeviceRule[] {
  return [...(linux.resources.devices ?? []), ...defaultDeviceRules];
}

/** Gives the cgroup that the box cannot reach its filter, before the clone that starts the box below it. */
export function filterDevices({ spec, id }: Box, host: CgroupHost): HostAction {
  return {
    call: 'filter_devices',
    path: accountPath(host, id),
    rules: rulesOf(spec),
    optional: !filterIsNeeded(spec),
    why: 'of devices, those of the box alone can be opened, whatever nodes it makes',
  };
}

/** Refusals of what only a filter keeps, on a host without cgroup v2: a sentence each. */
export function unkeptDeviceRules(
  box: Pick<Box, 'spec' | 'bundle'>,
  { cgroup, cgroupLack }: Pick<Host, 'cgroup' | 'cgroupLack'>,
): string[] {
  const needing = neededFor(box.spec, box);
  if (cgroup !== undefined || needing === undefined) return [];
  return [`${needing} needs ${lacks[cgroupLack ?? 'not mounted']}`];
}

/**
 * Whether the box's nodes and mounts allow more than its rules: a device that may be only read or only
 * written, or a mount on which a root of the host's could make nodes and open them.
 */
function filterIsNeeded(spec: Spec): boolean {
  return neededFor(spec, {}) !== undefined;
}

function neededFor(spec: Spec, asker: Asker): string | undefined {
  const restricted = spec.linux.devices.find(
    (device) => !['r', 'w'].every((access) => allows(rulesOf(spec), device, access)),
  );
  if (restricted !== undefined)
    return `${askedName('device', asker)} ${restricted.path}: its access`;
  const mapped = spec.linux.uidMappings.length > 0;
  const open = mapped ? undefined : spec.mounts.find(opensDevices);
  return open === undefined ? undefined : `devices on ${open.destination}`;
}

/** The devices of /dev are mounts of their own, and so is what is in devpts: its kernel makes the nodes. */
function opensDevices(mount: Mount): boolean {
  const { destination, type } = mount;
  return type !== 'devpts' && destination !== '/dev' && !isNodev(mount);
}

/** With all that is mounted in it. */
function isNodev(mount: Mount): boolean {
  const own = reachOf(mount) === 'this mount' ? attributesOf(mount, 'this mount') : [];
  return [...own, ...attributesOf(mount, 'recursive')].includes('MOUNT_ATTR_NODEV');
}
