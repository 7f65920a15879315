/** What a part of a box is called by whoever asked for it: as a flag, or as a field of a configuration. */
import type { BoxRequest } from './box.ts';
import type { Mount } from './spec.ts';

const names = {
  memory: ['--memory', 'linux.resources.memory'],
  cpu: ['--cpus', 'linux.resources.cpu'],
  cpuShares: ['--cpu-shares', 'linux.resources.cpu.shares'],
  cpuset: ['--cpuset-cpus or --cpuset-mems', 'linux.resources.cpu.cpus or mems'],
  pids: ['--pids-limit', 'linux.resources.pids.limit'],
  io: ['linux.resources.blockIO', 'linux.resources.blockIO'],
  hugetlb: ['linux.resources.hugepageLimits', 'linux.resources.hugepageLimits'],
  rdma: ['linux.resources.rdma', 'linux.resources.rdma'],
  unified: ['linux.resources.unified', 'linux.resources.unified'],
  device: ['--device', 'linux.devices'],
  processes: ['--pid', 'linux.namespaces'],
  messages: ['--ipc', 'linux.namespaces'],
  hostName: ['--uts', 'linux.namespaces'],
  network: ['--network', 'linux.namespaces'],
  cgroups: ['--cgroupns', 'linux.namespaces'],
  namespace: ['linux.namespaces', 'linux.namespaces'],
  volume: ['--volume', 'mounts'],
  source: ['--volume or --mount', 'mounts'],
  apparmor: ['--security-opt apparmor', 'process.apparmorProfile'],
  label: ['--security-opt label', 'process.selinuxLabel and linux.mountLabel'],
} as const satisfies Readonly<Record<string, readonly [flag: string, field: string]>>;

export type Asked = keyof typeof names;

/** Who asks for a box: the one of a bundle comes from a configuration, every other one from flags. */
export type Asker = Pick<BoxRequest, 'bundle'>;

export function askedName(what: Asked, { bundle }: Asker): string {
  const [flag, field] = names[what];
  return bundle === undefined ? flag : field;
}

/** A mount of a directory or file of the host's. */
export function volumeName({ source, destination }: Mount, asker: Asker): string {
  return asker.bundle === undefined
    ? `${askedName('volume', asker)} ${source}:${destination}`
    : `${askedName('volume', asker)}: ${destination}`;
}
