/** A configuration with every field that tsbox carries out, and what to make of one. */
import { planContainer } from '../../src/plan/container.ts';
import type { Host } from '../../src/plan/host.ts';
import { type Config, readConfig } from '../../src/spec/config-file.ts';
import { someHost } from './boxes.ts';

export type Json = { readonly [key: string]: unknown };

const hook = { path: '/hook', args: ['hook', '-v'], env: ['A=1'], timeout: 5 };
const rate = [{ major: 8, minor: 0, rate: 1000 }];
const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

export const whole: Json = {
  ociVersion: '1.2.0',
  root: { path: 'rootfs', readonly: true },
  hostname: 'teapot',
  domainname: 'kitchen.example',
  process: {
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    cwd: '/work',
    env: ['PATH=/bin'],
    args: ['/bin/true', 'word'],
    user: { uid: 1000, gid: 7, umask: 0o027, additionalGids: [8, 9] },
    capabilities: {
      bounding: ['CAP_KILL'],
      effective: ['CAP_KILL'],
      permitted: ['CAP_KILL'],
      inheritable: ['CAP_KILL'],
      ambient: ['CAP_KILL'],
    },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 10, hard: 18_446_744_073_709_551_615n }],
    noNewPrivileges: true,
    apparmorProfile: 'profile',
    selinuxLabel: 'u:r:t:l',
    oomScoreAdj: 5,
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
    scheduler: {
      policy: 'SCHED_OTHER',
      nice: 1,
      priority: 0,
      flags: ['SCHED_FLAG_RESET_ON_FORK'],
      runtime: 0,
      deadline: 0,
      period: 0,
    },
    execCPUAffinity: { initial: '0', final: '0-1' },
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance'] },
    {
      destination: '/data',
      source: 'data',
      options: ['rbind', 'ro'],
      uidMappings: map,
      gidMappings: map,
    },
  ],
  hooks: {
    prestart: [hook],
    createRuntime: [hook],
    createContainer: [hook],
    startContainer: [hook],
    poststart: [hook],
    poststop: [hook],
  },
  annotations: { 'com.example.key': 'value' },
  linux: {
    namespaces: [
      ...['pid', 'mount', 'ipc', 'uts', 'user', 'time'].map((type) => ({ type })),
      { type: 'network', path: '/run/netns/one' },
      { type: 'cgroup', path: '/proc/1/ns/cgroup' },
    ],
    uidMappings: map,
    gidMappings: map,
    netDevices: { eth1: { name: 'lan%d' }, eth2: {} },
    timeOffsets: { monotonic: { secs: 5, nanosecs: 7 }, boottime: { secs: -3 } },
    devices: [
      { type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o600, uid: 0, gid: 0 },
    ],
    resources: {
      devices: [
        { allow: false, access: 'rwm' },
        { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
      ],
      memory: {
        limit: 64_000_000,
        swap: 96_000_000,
        reservation: 32_000_000,
        kernel: -1,
        kernelTCP: 0,
        disableOOMKiller: false,
        useHierarchy: true,
        checkBeforeUpdate: true,
      },
      cpu: {
        shares: 1024,
        quota: 50_000,
        period: 100_000,
        burst: 10_000,
        realtimeRuntime: 0,
        realtimePeriod: 0,
        cpus: '0-1',
        mems: '0',
        idle: 0,
      },
      pids: { limit: 100 },
      blockIO: {
        weight: 500,
        leafWeight: 0,
        weightDevice: [{ major: 8, minor: 0, weight: 10, leafWeight: 0 }],
        throttleReadBpsDevice: rate,
        throttleWriteBpsDevice: rate,
        throttleReadIOPSDevice: rate,
        throttleWriteIOPSDevice: rate,
      },
      hugepageLimits: [{ pageSize: '2MB', limit: 4_194_304 }],
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10_000 } },
      unified: { 'memory.high': '50000000', 'io.max': '8:0 rbps=1\n8:0 wbps=2' },
    },
    rootfsPropagation: 'slave',
    seccomp: {
      defaultAction: 'SCMP_ACT_ALLOW',
      defaultErrnoRet: 1,
      architectures: ['SCMP_ARCH_X86_64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [
        {
          names: ['mkdir'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 1,
          args: [{ index: 1, value: 0, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
        },
      ],
    },
    sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.sem': '1 2 3 4' },
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    mountLabel: 'u:r:t:l',
    personality: { domain: 'LINUX32', flags: [] },
    memoryPolicy: { mode: 'MPOL_BIND', nodes: '0-1', flags: ['MPOL_F_STATIC_NODES'] },
  },
};

const facts = { bundle: '/bundle', arch: 'x64', kernel: '6.1.0', umask: 0o022 } as const;

/** Numbers that are bigints are written as they are. */
export function textOf(config: unknown): string {
  const mark = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n!` : value);
  const text = JSON.stringify(config, mark) ?? 'null';
  return text.replace(/"(-?\d+)n!"/g, '$1');
}

export const readText = (text: string): Config => readConfig(text, 'c', facts);
export const read = (config: unknown): Config => readText(textOf(config));

export const capableHost: Host = {
  ...someHost,
  securityModules: { apparmor: true, selinux: true },
  cgroup: {
    mount: '/sys/fs/cgroup',
    top: '/sys/fs/cgroup',
    controllers: ['cpu', 'memory', 'pids', 'io', 'cpuset', 'hugetlb', 'rdma'],
  },
};

export function planOf(config: unknown) {
  const { spec } = read(config);
  return planContainer({ spec, layer: 'writable', id: 'ID', bundle: '/bundle' }, capableHost);
}

/** The same with another value, or without the field, at a path such as `linux.namespaces[0].type`. */
export function changed(path: string, value: unknown, config: unknown = whole): unknown {
  const [, key = '', rest = ''] = /^\[?("(?:[^"]+)"|[^.[\]]+)\]?\.?(.*)$/s.exec(path) ?? [];
  const name = key.startsWith('"') ? (JSON.parse(key) as string) : key;
  const before = (config ?? {}) as Json;
  const inner = rest === '' ? value : changed(rest, value, before[name]);
  if (Array.isArray(before))
    return before.map((each, index) => (index === Number(name) ? inner : each));
  const others = Object.entries(before).filter(([each]) => each !== name);
  return Object.fromEntries(inner === undefined ? others : [...others, [name, inner]]);
}
