/**
 * What is written into the files of a box's cgroup for its limits (cgroup-v2.rst, "Interface Files" of
 * each controller). The OCI's numbers are cgroup v1's: what they become is what runc and crun make of
 * them, so that a configuration means the same everywhere.
 */
import type { BlockIo, BlockRate, CpuResources, Resources } from '../spec/spec.ts';

export interface CgroupFile {
  /** Below the box's cgroup. */
  readonly file: string;
  readonly data: string;
  readonly why: string;
  /** Whether the box can do without, where this kernel does not have the file. */
  readonly optional?: boolean;
  readonly hint?: string;
}

export function cgroupFiles(resources: Resources): CgroupFile[] {
  const { memory, cpu, pids, blockIO, hugepageLimits, rdma, unified } = resources;
  return [
    ...(memory === undefined ? [] : memoryFiles(memory)),
    ...(cpu === undefined ? [] : cpuFiles(cpu)),
    ...(pids === undefined || pids.limit === 0
      ? []
      : [
          {
            file: 'pids.max',
            data: maximum(pids.limit),
            why: '--pids-limit: the most processes and threads at once',
          },
        ]),
    ...(blockIO === undefined ? [] : blockFiles(blockIO)),
    ...(hugepageLimits ?? []).flatMap(({ pageSize, limit }) => [
      {
        file: `hugetlb.${pageSize}.max`,
        data: `${limit}`,
        why: 'linux.resources.hugepageLimits: bytes in such pages',
        hint: 'the size must be one of those in /sys/kernel/mm/hugepages',
      },
      {
        file: `hugetlb.${pageSize}.rsvd.max`,
        data: `${limit}`,
        why: 'and bytes that are reserved in them',
        optional: true,
      },
    ]),
    ...Object.entries(rdma ?? {}).map(([device, { hcaHandles, hcaObjects }]) => ({
      file: 'rdma.max',
      data: words({ [device]: '', hca_handle: hcaHandles, hca_object: hcaObjects }),
      why: `linux.resources.rdma: what the box may take of ${device}`,
      hint: `${device} must be a device of this host's (ls /sys/class/infiniband)`,
    })),
    ...Object.entries(unified ?? {}).flatMap(([file, text]) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((data) => ({
          file,
          data,
          why: `linux.resources.unified["${file}"]`,
          hint: 'the file must be one of those of the kernel, and so must what is written (cgroup-v2.rst)',
        })),
    ),
  ];
}

/** The controllers whose files these are, each once. */
export function controllersOf(resources: Resources): string[] {
  const names = cgroupFiles(resources).map(({ file }) => file.slice(0, file.indexOf('.')));
  return [...new Set(names)].filter((name) => name !== 'cgroup');
}

function maximum(limit: number): string {
  return limit < 0 ? 'max' : String(limit);
}

function memoryFiles({
  limit = 0,
  swap = 0,
  reservation = 0,
}: NonNullable<Resources['memory']>): CgroupFile[] {
  return [
    ...(limit === 0
      ? []
      : [
          {
            file: 'memory.max',
            data: maximum(limit),
            why: '--memory: the most bytes in use at once',
          },
        ]),
    ...(limit <= 0 && swap === 0 ? [] : [swapFile(limit, swap)]),
    ...(limit <= 0
      ? []
      : [
          {
            file: 'memory.oom.group',
            data: '1',
            why: 'past the limit the whole box ends, not a part of it',
          },
        ]),
    ...(reservation === 0
      ? []
      : [
          {
            file: 'memory.low',
            data: maximum(reservation),
            why: 'linux.resources.memory.reservation: bytes that are left to the box while others have some',
          },
        ]),
  ];
}

/** Version 2 counts swap alone. */
function swapFile(limit: number, swap: number): CgroupFile {
  if (swap === 0)
    return {
      file: 'memory.swap.max',
      data: '0',
      why: 'the limit is not got round by swapping',
      optional: true,
    };
  return {
    file: 'memory.swap.max',
    data: swap < 0 ? 'max' : String(swap - Math.max(limit, 0)),
    why: 'linux.resources.memory.swap: bytes of it that may be in swap, beside those in memory',
    hint: 'the kernel must count swap: swapaccount=1 on its command line',
  };
}

/** Microseconds: the kernel's own default for a period. */
const DEFAULT_PERIOD = 100_000;

function cpuFiles(cpu: CpuResources): CgroupFile[] {
  const { quota = 0, period = 0, burst = 0, shares = 0, idle = 0, cpus = '', mems = '' } = cpu;
  const file = (name: string, data: string, why: string): CgroupFile => ({
    file: name,
    data,
    why,
  });
  return [
    ...(quota === 0 && period === 0
      ? []
      : [
          file(
            'cpu.max',
            `${quota <= 0 ? 'max' : quota} ${period === 0 ? DEFAULT_PERIOD : period}`,
            '--cpus: microseconds of processor time in each period',
          ),
        ]),
    ...(burst === 0
      ? []
      : [
          file(
            'cpu.max.burst',
            `${burst}`,
            'linux.resources.cpu.burst: microseconds that may be saved up',
          ),
        ]),
    ...(idle === 0
      ? []
      : [
          file(
            'cpu.idle',
            `${idle}`,
            'linux.resources.cpu.idle: only when nobody else wants the processor',
          ),
        ]),
    // The kernel refuses a weight where cpu.idle is set.
    ...(shares === 0 || idle !== 0
      ? []
      : [
          file(
            'cpu.weight',
            `${weightOfShares(shares)}`,
            `linux.resources.cpu.shares: ${shares} of cgroup v1 are this weight`,
          ),
        ]),
    ...(cpus === '' ? [] : [file('cpuset.cpus', cpus, 'linux.resources.cpu.cpus')]),
    ...(mems === '' ? [] : [file('cpuset.mems', mems, 'linux.resources.cpu.mems')]),
  ];
}

/** [2, 262144] onto [1, 10000], in a straight line. */
export function weightOfShares(shares: number): number {
  const inside = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((inside - 2) * 9999) / 262_142);
}

/** [10, 1000] onto [1, 10000]. */
function weightOfBlockIo(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

function blockFiles(io: BlockIo): CgroupFile[] {
  const weigh = (data: string, field: string): CgroupFile => ({
    file: 'io.weight',
    data,
    why: `linux.resources.blockIO.${field}: the box's share of a busy disk`,
    hint: "ENOENT: this kernel has no weights (CONFIG_BLK_CGROUP_IOCOST); ENODEV: the device has none; leave them out, or write io.bfq.weight by linux.resources.unified where the disk's scheduler is BFQ",
  });
  const limit =
    (key: string, field: string) =>
    ({ major, minor, rate }: BlockRate): CgroupFile => ({
      file: 'io.max',
      data: `${major}:${minor} ${key}=${rate}`,
      why: `linux.resources.blockIO.${field}: the most in a second`,
      hint: `ENODEV: ${major}:${minor} must be a whole disk of this host's (lsblk)`,
    });
  const { weight = 0, weightDevice = [] } = io;
  return [
    ...(weight === 0 ? [] : [weigh(`default ${weightOfBlockIo(weight)}`, 'weight')]),
    ...weightDevice.map(({ major, minor, weight: own }) =>
      weigh(`${major}:${minor} ${weightOfBlockIo(own)}`, 'weightDevice'),
    ),
    ...(io.throttleReadBpsDevice ?? []).map(limit('rbps', 'throttleReadBpsDevice')),
    ...(io.throttleWriteBpsDevice ?? []).map(limit('wbps', 'throttleWriteBpsDevice')),
    ...(io.throttleReadIOPSDevice ?? []).map(limit('riops', 'throttleReadIOPSDevice')),
    ...(io.throttleWriteIOPSDevice ?? []).map(limit('wiops', 'throttleWriteIOPSDevice')),
  ];
}

/** `device key=value …`, as far as there are values. */
function words(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .join(' ');
}
