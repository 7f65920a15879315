/**
 * `linux.resources` of an OCI configuration (config-linux.md, "Control groups"), for cgroup v2: what
 * only version 1 has is refused, unless it asks for what is so anyway.
 */
import type { JsonObject } from './json.ts';
import { isNumberList } from './number-list.ts';
import type { BlockIo, BlockRate, CpuResources, DeviceRule, Resources } from './spec.ts';

/** Numbers of bytes and microseconds that a double holds; the kernel's are hardly more. */
const MOST = BigInt(Number.MAX_SAFE_INTEGER);

export function readResources(resources: JsonObject): Resources {
  resources.ignoreOthers([
    'memory',
    'cpu',
    'pids',
    'blockIO',
    'hugepageLimits',
    'network',
    'rdma',
    'unified',
    'devices',
  ]);
  const network = resources.object('network');
  network.ignoreOthers(['classID', 'priorities']);
  if (network.has('classID') || network.has('priorities'))
    resources.problem(
      'network',
      'cgroup version 2 has neither classes nor priorities of packets: leave it out, or mark them with nftables (`socket cgroupv2`)',
    );
  const own = <K extends keyof Resources>(key: K, read: (object: JsonObject) => Resources[K]) =>
    resources.has(key) ? { [key]: read(resources.object(key)) } : {};
  return {
    ...own('memory', readMemory),
    ...own('cpu', readCpu),
    ...own('pids', (pids) => {
      pids.ignoreOthers(['limit']);
      return { limit: Number(pids.integer('limit', 2n ** 22n, -1n) ?? -1) };
    }),
    ...own('blockIO', readBlockIo),
    ...(resources.has('hugepageLimits') ? { hugepageLimits: readHugepages(resources) } : {}),
    ...(resources.has('rdma') ? { rdma: readRdma(resources) } : {}),
    ...(resources.has('unified') ? { unified: readUnified(resources) } : {}),
    ...(resources.has('devices')
      ? { devices: resources.objects('devices').map(readDeviceRule) }
      : {}),
  };
}

/** Numbers that are given, by their names. */
function numbers<K extends string>(
  object: JsonObject,
  keys: readonly K[],
  least: bigint,
): { [key in K]?: number } {
  return Object.assign(
    {},
    ...keys.map((key) =>
      object.has(key) ? { [key]: Number(object.integer(key, MOST, least) ?? 0) } : {},
    ),
  );
}

function readMemory(memory: JsonObject): NonNullable<Resources['memory']> {
  const limits = ['limit', 'swap', 'reservation'] as const;
  const old = ['kernel', 'kernelTCP'] as const;
  const flags = ['disableOOMKiller', 'useHierarchy', 'checkBeforeUpdate'];
  memory.ignoreOthers([...limits, ...old, 'swappiness', ...flags]);
  const read = numbers(memory, limits, -1n);
  const { limit = 0, swap = 0 } = read;
  if (swap > 0 && limit <= 0)
    memory.problem('swap', 'it counts memory and swap together, so that it needs a limit, too');
  else if (swap > 0 && swap < limit)
    memory.problem(
      'swap',
      `${swap}: it counts memory and swap together: no less than limit, ${limit}`,
    );
  for (const [key, value] of Object.entries(numbers(memory, old, -1n)))
    if (value > 0) memory.problem(key, 'cgroup version 2 counts it as part of limit: leave it out');
  if (memory.has('swappiness'))
    memory.problem('swappiness', 'cgroup version 2 has it for the whole host alone: leave it out');
  if (memory.flag('disableOOMKiller'))
    memory.problem('disableOOMKiller', 'it cannot be disabled in cgroup version 2: leave it out');
  if (memory.has('useHierarchy') && !memory.flag('useHierarchy'))
    memory.problem('useHierarchy', 'cgroup version 2 always counts what is below: leave it out');
  // Nothing uses memory yet when the limit is set.
  memory.flag('checkBeforeUpdate');
  return read;
}

function readCpu(cpu: JsonObject): CpuResources {
  const realtime = ['realtimeRuntime', 'realtimePeriod'] as const;
  const unsigned = ['period', 'burst', 'shares'] as const;
  cpu.ignoreOthers(['quota', ...unsigned, 'idle', 'cpus', 'mems', ...realtime]);
  for (const [key, value] of Object.entries(numbers(cpu, realtime, 0n)))
    if (value !== 0) cpu.problem(key, 'cgroup version 2 has no limit for real-time: leave it out');
  const read = { ...numbers(cpu, ['quota'], -MOST), ...numbers(cpu, unsigned, 0n) };
  const { quota = 0, burst = 0 } = read;
  if (burst > 0 && quota <= 0) cpu.problem('burst', 'it needs a quota, of which it saves up');
  else if (burst > quota && quota > 0)
    cpu.problem('burst', `${burst}: no more than quota, ${quota}, can be saved up`);
  const lists = (['cpus', 'mems'] as const).map((key) => {
    const text = (cpu.has(key) ? (cpu.text(key) ?? '') : '').replaceAll(' ', '');
    if (!isNumberList(text)) cpu.problem(key, `${text}: not a list of numbers such as 0-3,7`);
    return text === '' ? {} : { [key]: text };
  });
  const idle = cpu.has('idle') ? { idle: Number(cpu.integer('idle', 1n) ?? 0) } : {};
  return Object.assign(read, idle, ...lists);
}

const throttles = [
  'throttleReadBpsDevice',
  'throttleWriteBpsDevice',
  'throttleReadIOPSDevice',
  'throttleWriteIOPSDevice',
] as const;

/** Of cgroup v1; 0 asks for nothing. */
const [LEAST_WEIGHT, MOST_WEIGHT] = [10, 1000];

function readBlockIo(io: JsonObject): BlockIo {
  io.ignoreOthers(['weight', 'leafWeight', 'weightDevice', ...throttles]);
  refuseLeafWeight(io);
  const devices = io.objects('weightDevice').map((entry) => {
    entry.ignoreOthers(['major', 'minor', 'weight', 'leafWeight']);
    refuseLeafWeight(entry);
    if (!entry.has('weight')) entry.problem('weight', 'missing');
    return { ...readNumbers(entry), weight: readWeight(entry) };
  });
  const rates = throttles.map((key) =>
    io.has(key) ? { [key]: io.objects(key).map(readRate) } : {},
  );
  return Object.assign(
    io.has('weight') ? { weight: readWeight(io) } : {},
    io.has('weightDevice') ? { weightDevice: devices } : {},
    ...rates,
  );
}

function refuseLeafWeight(object: JsonObject): void {
  if (object.has('leafWeight') && Number(object.integer('leafWeight', 1000n) ?? 0) !== 0)
    object.problem('leafWeight', 'cgroup version 2 has none: leave it out');
}

function readWeight(object: JsonObject): number {
  const weight = object.has('weight') ? Number(object.integer('weight', 65_535n) ?? 0) : 0;
  if (weight !== 0 && (weight < LEAST_WEIGHT || weight > MOST_WEIGHT))
    object.problem('weight', `${weight}: from ${LEAST_WEIGHT} to ${MOST_WEIGHT} are allowed`);
  return weight;
}

/** MINORBITS, linux/kdev_t.h */
const [MOST_MAJOR, MOST_MINOR] = [2n ** 12n - 1n, 2n ** 20n - 1n];

function readNumbers(device: JsonObject) {
  return {
    major: Number(device.integer('major', MOST_MAJOR) ?? 0),
    minor: Number(device.integer('minor', MOST_MINOR) ?? 0),
  };
}

function readRate(entry: JsonObject): BlockRate {
  entry.ignoreOthers(['major', 'minor', 'rate']);
  return { ...readNumbers(entry), rate: BigInt(entry.integer('rate', 2n ** 64n - 1n, 1n) ?? 1) };
}

function readHugepages(resources: JsonObject): NonNullable<Resources['hugepageLimits']> {
  return resources.objects('hugepageLimits').map((entry) => {
    entry.ignoreOthers(['pageSize', 'limit']);
    const pageSize = entry.text('pageSize') ?? '2MB';
    if (!/^[1-9][0-9]*[KMG]B$/.test(pageSize))
      entry.problem('pageSize', `${pageSize}: not a size such as 2MB`);
    return { pageSize, limit: BigInt(entry.integer('limit') ?? 0) };
  });
}

function readRdma(resources: JsonObject): NonNullable<Resources['rdma']> {
  const keys = ['hcaHandles', 'hcaObjects'] as const;
  const devices = resources.objectsByName('rdma').map(([device, entry]) => {
    entry.ignoreOthers(keys);
    const place = `rdma[${JSON.stringify(device)}]`;
    if (!/^[\w.:-]+$/.test(device)) resources.problem(place, 'not the name of a device');
    if (!keys.some((key) => entry.has(key)))
      resources.problem(place, 'hcaHandles, hcaObjects or both must be given');
    const counts = keys.map((key) =>
      entry.has(key) ? { [key]: Number(entry.integer(key, 2n ** 32n - 1n) ?? 0) } : {},
    );
    return [device, Object.assign({}, ...counts)] as const;
  });
  return Object.fromEntries(devices);
}

/** Who is in the cgroup, and what is below it, is tsbox's to write. */
const ours = ['procs', 'threads', 'subtree_control', 'type', 'kill', 'freeze'];

function readUnified(resources: JsonObject): Record<string, string> {
  const unified = resources.textsByName('unified');
  for (const file of Object.keys(unified)) {
    const place = `unified[${JSON.stringify(file)}]`;
    if (!/^[a-z]+\.[\w.]+$/.test(file))
      resources.problem(place, 'not the name of a file of cgroup version 2, such as memory.high');
    else if (ours.some((name) => file === `cgroup.${name}`))
      resources.problem(place, 'tsbox itself writes this file');
  }
  return unified;
}

function readDeviceRule(rule: JsonObject): DeviceRule {
  rule.ignoreOthers(['allow', 'type', 'major', 'minor', 'access']);
  if (!rule.has('allow')) rule.problem('allow', 'missing');
  const type = rule.has('type') ? rule.word('type', ['a', 'b', 'c'] as const) : undefined;
  const access = rule.has('access') ? rule.text('access') : undefined;
  if (access !== undefined && !/^[rwm]*$/.test(access))
    rule.problem('access', `${access}: letters of rwm are allowed`);
  /** -1 stands for all, as in runc. */
  const counts = (['major', 'minor'] as const).map((key) => {
    const number = rule.has(key) ? Number(rule.integer(key, 2n ** 32n - 1n, -1n) ?? -1) : -1;
    return number < 0 ? {} : { [key]: number };
  });
  return Object.assign(
    { allow: rule.flag('allow') },
    type === undefined ? {} : { type },
    access === undefined || access === '' ? {} : { access },
    ...counts,
  );
}
