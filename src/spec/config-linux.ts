/** `linux` of an OCI configuration (config-linux.md), but for `resources`. */
import {
  type MemoryPolicyFlag,
  memoryPolicyFlags,
  memoryPolicyModes,
} from '../abi/memory-policy.ts';
import { personalities } from '../abi/scheduling.ts';
import { readMapping } from './config-mounts.ts';
import { absolutePath, absoluteText } from './config-path.ts';
import { readResources } from './config-resources.ts';
import type { JsonObject } from './json.ts';
import { isNumberList } from './number-list.ts';
import type { Seccomp } from './seccomp.ts';
import type {
  Device,
  IdMapping,
  Linux,
  MemoryPolicy,
  Namespace,
  NamespaceType,
  TimeOffset,
} from './spec.ts';
import { sysctlNamespace } from './sysctl.ts';

const known = [
  'namespaces',
  'uidMappings',
  'gidMappings',
  'timeOffsets',
  'devices',
  'cgroupsPath',
  'resources',
  'rootfsPropagation',
  'seccomp',
  'sysctl',
  'maskedPaths',
  'readonlyPaths',
  'mountLabel',
  'intelRdt',
  'personality',
  'netDevices',
  'memoryPolicy',
];

/** What tsbox knows and does not do. */
const refused = {
  cgroupsPath: "tsbox gives each box a cgroup of its own, by the box's id: leave it out",
  intelRdt: 'tsbox puts no box into a group of resctrl: leave it out, or use another runtime',
} as const;

/** @param namespaces that are in it. */
export function readLinux(
  config: JsonObject,
  namespaces: readonly Namespace[],
  readProfile: (seccomp: JsonObject) => Seccomp,
): Linux {
  const linux = config.object('linux');
  linux.ignoreOthers(known);
  for (const [key, why] of Object.entries(refused)) if (linux.has(key)) linux.problem(key, why);
  const types = namespaces.map(({ type }) => type);
  return {
    namespaces,
    ...readIdMaps(linux, namespaces),
    ...readTimeOffsets(linux, namespaces),
    ...readNetDevices(linux, types),
    devices: linux.objects('devices').map(readDevice),
    resources: readResources(linux.object('resources')),
    maskedPaths: readPaths(linux, 'maskedPaths'),
    readonlyPaths: readPaths(linux, 'readonlyPaths'),
    ...readSysctl(linux, types),
    ...readPropagation(linux),
    ...readPersonality(linux),
    ...readMemoryPolicy(linux),
    ...(linux.has('mountLabel') ? { mountLabel: linux.text('mountLabel') ?? '' } : {}),
    ...(linux.has('seccomp') ? { seccomp: readProfile(linux.object('seccomp')) } : {}),
  };
}

const namespaceTypes: readonly NamespaceType[] = [
  'pid',
  'network',
  'mount',
  'ipc',
  'uts',
  'user',
  'cgroup',
  'time',
];

export function readNamespaces(linux: JsonObject): Namespace[] {
  const namespaces = linux.objects('namespaces').flatMap((each): Namespace[] => {
    each.ignoreOthers(['type', 'path']);
    const type = each.word('type', namespaceTypes);
    const path = each.has('path') ? each.text('path') : undefined;
    absolutePath(each, 'path', path === '' ? undefined : path);
    if (type === 'user' && path)
      each.problem('path', 'tsbox makes the user namespace of a box itself: leave the path out');
    if (type === 'mount' && path)
      each.problem(
        'path',
        'tsbox puts the box’s mounts together in a namespace of its own: leave it out',
      );
    return type === undefined ? [] : [path ? { type, path } : { type }];
  });
  namespaces.forEach(({ type }, index) => {
    if (namespaces.findIndex((each) => each.type === type) !== index)
      linux.problem('namespaces', `${type} is listed twice`);
  });
  if (!namespaces.some(({ type }) => type === 'mount'))
    linux.problem(
      'namespaces',
      'without {"type": "mount"} the box’s root would be made among the host’s own mounts: list it',
    );
  return namespaces;
}

/** Lines that the kernel takes: user_namespaces(7). */
const MOST_MAPPINGS = 340;

function readIdMaps(
  linux: JsonObject,
  namespaces: readonly Namespace[],
): Pick<Linux, 'uidMappings' | 'gidMappings'> {
  const own = namespaces.some(({ type }) => type === 'user');
  const read = (key: 'uidMappings' | 'gidMappings'): IdMapping[] => {
    const maps = linux.objects(key).map(readMapping);
    const used = maps.length > 0;
    if (own && !used) linux.problem(key, 'missing: a user namespace has no ids without it');
    if (!own && used)
      linux.problem(key, 'there is no {"type": "user"} in linux.namespaces: list it');
    if (maps.length > MOST_MAPPINGS)
      linux.problem(key, `the kernel takes ${MOST_MAPPINGS} at most`);
    for (const side of ['containerID', 'hostID'] as const)
      if (overlap(maps.map((map) => [map[side], map.size])))
        linux.problem(key, `ranges of ${side} overlap`);
    return maps;
  };
  return { uidMappings: read('uidMappings'), gidMappings: read('gidMappings') };
}

function overlap(ranges: readonly (readonly [number, number])[]): boolean {
  const sorted = ranges.toSorted(([one], [other]) => one - other);
  return sorted.some(([start, size], index) => {
    const next = sorted[index + 1]?.[0] ?? 2 ** 32;
    return start + size > next;
  });
}

const INT64 = 2n ** 63n - 1n;
/** Nanoseconds in a second. */
const SECOND = 1_000_000_000n;

function readTimeOffsets(
  linux: JsonObject,
  namespaces: readonly Namespace[],
): Pick<Linux, 'timeOffsets'> {
  if (!linux.has('timeOffsets')) return {};
  const offsets = linux.objectsByName('timeOffsets').flatMap(([clock, offset]) => {
    offset.ignoreOthers(['secs', 'nanosecs']);
    if (clock !== 'monotonic' && clock !== 'boottime') {
      linux.problem(
        `timeOffsets[${JSON.stringify(clock)}]`,
        'unknown; monotonic and boottime are known',
      );
      return [];
    }
    const read: TimeOffset = {
      secs: offset.has('secs') ? BigInt(offset.integer('secs', INT64, -INT64 - 1n) ?? 0) : 0n,
      nanosecs: offset.has('nanosecs') ? Number(offset.integer('nanosecs', SECOND - 1n) ?? 0) : 0,
    };
    return [[clock, read] as const];
  });
  if (offsets.length > 0 && !namespaces.some(({ type, path }) => type === 'time' && !path))
    linux.problem(
      'timeOffsets',
      'they are those of a new time namespace: list {"type": "time"}, without a path, in linux.namespaces',
    );
  return { timeOffsets: Object.fromEntries(offsets) };
}

/** netdevice(7): IFNAMSIZ. */
const deviceName = /^(?!\.{1,2}$)[^\s/:%]{1,15}$/;
/** The kernel puts the lowest number that is free in the place of %d. */
const deviceTemplate = /^[^\s/:%]{0,13}%d[^\s/:%]{0,13}$/;

function readNetDevices(
  linux: JsonObject,
  types: readonly NamespaceType[],
): Pick<Linux, 'netDevices'> {
  if (!linux.has('netDevices')) return {};
  const devices = linux.objectsByName('netDevices').map(([host, device]) => {
    device.ignoreOthers(['name']);
    if (!deviceName.test(host))
      linux.problem(`netDevices[${JSON.stringify(host)}]`, 'no name of a network device');
    const name = device.has('name') ? device.text('name') : undefined;
    if (name && !deviceName.test(name) && !(name.length < 16 && deviceTemplate.test(name)))
      device.problem('name', `${name}: no name of a network device, nor one with %d for a number`);
    return [host, name ? { name } : {}] as const;
  });
  if (devices.length > 0 && !types.includes('network'))
    linux.problem(
      'netDevices',
      'without a network namespace the box has the host’s, where the devices are: list {"type": "network"} in linux.namespaces',
    );
  return { netDevices: Object.fromEntries(devices) };
}

function readDevice(device: JsonObject): Device {
  const numbers = ['major', 'minor', 'fileMode', 'uid', 'gid'] as const;
  device.ignoreOthers(['type', 'path', ...numbers]);
  const type = device.word('type', ['c', 'b', 'u', 'p'] as const) ?? 'c';
  const read = numbers.map((key) =>
    device.has(key) ? { [key]: Number(device.integer(key, 2n ** 32n - 1n) ?? 0) } : {},
  );
  if (type === 'p') device.problem('type', 'p: a FIFO is no device: share it as a mount');
  else for (const key of ['major', 'minor']) if (!device.has(key)) device.problem(key, 'missing');
  return Object.assign({ type, path: absoluteText(device, 'path') }, ...read);
}

function readPaths(linux: JsonObject, key: 'maskedPaths' | 'readonlyPaths'): string[] {
  const paths = linux.texts(key);
  paths.forEach((path, index) => {
    absolutePath(linux, `${key}[${index}]`, path);
  });
  return paths;
}

function readSysctl(linux: JsonObject, types: readonly NamespaceType[]): Pick<Linux, 'sysctl'> {
  if (!linux.has('sysctl')) return {};
  const sysctl = linux.textsByName('sysctl');
  for (const name of Object.keys(sysctl)) {
    const why = whyNotSet(name, types);
    if (why !== undefined) linux.problem(`sysctl[${JSON.stringify(name)}]`, why);
  }
  return { sysctl };
}

function whyNotSet(name: string, types: readonly NamespaceType[]): string | undefined {
  if (/^kernel[./]hostname$/.test(name)) return 'use hostname';
  const type = sysctlNamespace(name);
  if (type === undefined)
    return 'it is none of a namespace, and would change the host: net.*, fs.mqueue.*, kernel.msg*, kernel.sem, kernel.shm* and kernel.domainname can be set';
  if (types.includes(type)) return undefined;
  return `the box has the host’s: list {"type": "${type}"} in linux.namespaces`;
}

function readPropagation(linux: JsonObject): Pick<Linux, 'rootfsPropagation'> {
  if (!linux.has('rootfsPropagation')) return {};
  const words = ['private', 'slave', 'shared', 'unbindable'].flatMap((word) => [word, `r${word}`]);
  const word = linux.text('rootfsPropagation');
  if (word === '' || word === undefined) return {};
  if (words.includes(word)) return { rootfsPropagation: word };
  linux.problem('rootfsPropagation', `${word} is unknown; ${words.join(', ')} are known`);
  return {};
}

function readPersonality(linux: JsonObject): Pick<Linux, 'personality'> {
  if (!linux.has('personality')) return {};
  const personality = linux.object('personality');
  personality.ignoreOthers(['domain', 'flags']);
  if (personality.texts('flags').length > 0)
    personality.problem('flags', 'the specification knows none yet: leave it out');
  const domains = Object.keys(personalities) as (keyof typeof personalities)[];
  const domain = personality.word('domain', domains);
  return domain === undefined ? {} : { personality: { domain } };
}

const withoutNodes = ['MPOL_DEFAULT', 'MPOL_LOCAL'];
const withNodes = [
  'MPOL_BIND',
  'MPOL_INTERLEAVE',
  'MPOL_WEIGHTED_INTERLEAVE',
  'MPOL_PREFERRED_MANY',
];

function readMemoryPolicy(linux: JsonObject): Pick<Linux, 'memoryPolicy'> {
  if (!linux.has('memoryPolicy')) return {};
  const policy = linux.object('memoryPolicy');
  policy.ignoreOthers(['mode', 'nodes', 'flags']);
  const mode = policy.word('mode', Object.keys(memoryPolicyModes) as MemoryPolicy['mode'][]);
  const nodes = (policy.has('nodes') ? (policy.text('nodes') ?? '') : '').replaceAll(' ', '');
  const flags = policy.words('flags', Object.keys(memoryPolicyFlags) as MemoryPolicyFlag[]);
  if (!isNumberList(nodes)) policy.problem('nodes', `${nodes}: not a list of nodes such as 0-1`);
  if (mode === undefined) return {};
  if (withoutNodes.includes(mode) && nodes !== '') policy.problem('nodes', `${mode} has none`);
  if (withNodes.includes(mode) && nodes === '') policy.problem('nodes', `${mode} needs some`);
  return { memoryPolicy: { mode, nodes, flags } };
}
