/** What planning has to know of this host, gathered. */

import { knownArch } from '../abi/syscalls.ts';
import { readCaller } from '../linux/caller-ids.ts';
import { findCgroups } from '../linux/cgroup-place.ts';
import { findDevices } from '../linux/devices.ts';
import {
  findMountApi,
  findSourceMounts,
  hasOverlay,
  lastCapability,
  mountOf,
  securityModules,
  statSources,
} from '../linux/host.ts';
import type { Host } from '../plan/host.ts';
import { wantsLabels } from '../plan/labels.ts';
import { isPropagated } from '../plan/mount-words.ts';
import { type Asker, askedName } from '../spec/asked-name.ts';
import type { Box } from '../spec/box.ts';
import type { HostDevice } from '../spec/devices.ts';
import type { Device } from '../spec/spec.ts';
import { BoxError } from './errors.ts';

/** @throws BoxError when a volume's source is not there, or the architecture is not known. */
export function readHost(box: Pick<Box, 'spec' | 'bundle'>, anchor: string): Host {
  const { spec } = box;
  const cgroup = findCgroups();
  for (const device of spec.linux.devices) checkDevice(device, box);
  const mountApi = findMountApi();
  return {
    arch: hostArch(),
    caller: readCaller(),
    ...openFiles(process.env),
    overlay: hasOverlay(),
    anchor,
    lastCapability: lastCapability(),
    mountApi,
    sources: findSources(box),
    ...sourceMounts(spec, mountApi),
    ...sharedQueues(spec),
    ...(typeof cgroup === 'string' ? { cgroupLack: cgroup } : { cgroup }),
    ...(wantsLabels(spec) ? { securityModules: securityModules() } : {}),
  };
}

/** As native/tsbox.c tells, which starts Node; not where tsbox was started otherwise. */
function openFiles({ TSBOX_OPEN_FILES = '' }: NodeJS.ProcessEnv): Pick<Host, 'openFiles'> {
  const [, soft, hard] = /^(\d+):(\d+):\d+$/.exec(TSBOX_OPEN_FILES) ?? [];
  if (soft === undefined || hard === undefined || soft === hard) return {};
  return { openFiles: { soft: BigInt(soft), hard: BigInt(hard) } };
}

/** Mostly they need not be known. */
function sourceMounts(
  { root, mounts }: Box['spec'],
  mountApi: Host['mountApi'],
): Pick<Host, 'sourceMounts'> {
  if (mountApi === 'descriptors' && !mounts.some(isPropagated)) return {};
  const volumes = mounts.filter(({ type }) => type === 'bind').map(({ source }) => source);
  return { sourceMounts: findSourceMounts([root.path, ...volumes]) };
}

/** A box with an IPC namespace of its own makes that mount itself. */
function sharedQueues({ linux }: Box['spec']): Pick<Host, 'queues'> {
  if (linux.namespaces.some(({ type }) => type === 'ipc')) return {};
  const queues = mountOf('mqueue');
  return queues === undefined ? {} : { queues };
}

export function findSources(box: Pick<Box, 'spec' | 'bundle'>): Host['sources'] {
  try {
    return statSources(box.spec.mounts);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    throw new BoxError(
      `${askedName('source', box)}: ${path ?? 'the source'}: ${code}: a volume's source must exist on the host`,
      { cause: error },
    );
  }
}

/** A node cannot be shown as another than it is. @throws BoxError */
function checkDevice({ path, source = path, ...asked }: Device, asker: Asker): void {
  const refuse = (why: string): never => {
    throw new BoxError(`${askedName('device', asker)}: ${source}: ${why}`);
  };
  if (asked.type === 'p') refuse('a FIFO is no device: share it as a volume');
  const type = asked.type === 'u' ? 'c' : asked.type;
  const wanted = Object.entries({ ...asked, type, below: '' });
  const found = deviceAt(source) ?? refuse('no device of the host is there');
  for (const [field, value] of wanted)
    if (found[field as keyof HostDevice] !== value)
      refuse(
        `its ${field} is ${found[field as keyof HostDevice]}, not ${value}: a box is shown the host's nodes as they are`,
      );
}

function deviceAt(path: string): HostDevice | undefined {
  try {
    return findDevices(path)[0];
  } catch {
    return undefined;
  }
}

export function hostArch(): Host['arch'] {
  const arch = knownArch(process.arch);
  if (arch !== undefined) return arch;
  throw new BoxError(`tsbox has no system call table for ${process.arch}: x64 and arm64 are known`);
}
