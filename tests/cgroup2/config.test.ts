/** `linux.resources` of a configuration, read back from the box's own cgroup, here and by other runtimes. */
import { expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

type Json = { readonly [key: string]: unknown };

const read = (...files: readonly string[]) =>
  `cd /sys/fs/cgroup; for each in ${files.join(' ')}; do echo "$each: $(cat $each 2>&1)"; done`;

function config(resources: Json, script: string): string {
  return JSON.stringify({
    ociVersion: '1.0.2',
    process: {
      cwd: '/',
      args: ['/bin/sh', '-c', script],
      env: ['PATH=/bin'],
      user: { uid: 0, gid: 0 },
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      // Where other runtimes put links and nodes.
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro'] },
      { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro'] },
    ],
    linux: {
      namespaces: ['pid', 'mount', 'ipc', 'uts', 'network', 'cgroup'].map((type) => ({ type })),
      resources,
    },
  });
}

/** In a bundle of its own. */
const bundle = (text: string, command: string) => `
  rm -rf bundle; mkdir bundle; cd bundle; cp -a $TSBOX_DATA/images/busybox rootfs
  cat >config.json <<'END'\n${text}\nEND
  ${command}`;
const run = (resources: Json, script: string) =>
  bundle(config(resources, script), 'tsbox run --config config.json');

const all = {
  memory: { limit: 67_108_864, swap: 100_663_296, reservation: 33_554_432 },
  cpu: { shares: 512, quota: 50_000, period: 80_000, burst: 20_000 },
  pids: { limit: 50 },
  unified: { 'memory.high': '50331648', 'cgroup.max.depth': '7' },
};
const files = [
  'memory.max',
  'memory.swap.max',
  'memory.low',
  'memory.high',
  'cpu.max',
  'cpu.weight',
  'pids.max',
];
const script = read(...files, 'cpu.max.burst', 'cgroup.max.depth');
const common = read(...files);

const lines = {
  all: run(all, script),
  'no limits at all': run(
    { memory: { limit: -1, swap: -1 }, cpu: { quota: -1, shares: 0 }, pids: { limit: -1 } },
    read('memory.max', 'memory.swap.max', 'cpu.max', 'pids.max'),
  ),
  idle: run({ cpu: { idle: 1, shares: 512 } }, read('cpu.idle')),
  'the least shares': run({ cpu: { shares: 2 } }, read('cpu.weight')),
  'the most shares': run({ cpu: { shares: 262_144 } }, read('cpu.weight')),
  'controllers that are not there': run(
    {
      cpu: { cpus: '0' },
      hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
      rdma: { x: { hcaHandles: 1 } },
      unified: { 'misc.max': 'x' },
    },
    'true',
  ),
  'a disk that is not there': run(
    { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }] } },
    'true',
  ),
  'a file that is not there': run({ unified: { 'memory.none': '1' } }, 'true'),
  'a value that is none': run({ unified: { 'memory.high': 'much' } }, 'true'),
  runc: bundle(config(all, common), 'runc --root /dev/shm/runc run box; rm -rf /dev/shm/runc'),
  crun: bundle(config(all, common), 'crun --root /dev/shm/crun run box; rm -rf /dev/shm/crun'),
};
const ran = onRig(lines);

test.each(namesOf(lines).filter((name) => !/run/.test(name)))(
  'nothing is left: %s',
  async (name) => {
    expect((await ran(name)).left).toEqual([]);
  },
);

test('every limit is in the file of cgroup v2 that keeps it', async () => {
  expect(await ran('all')).toMatchObject({
    status: 0,
    stderr: '',
    stdout: [
      'memory.max: 67108864',
      'memory.swap.max: 33554432',
      'memory.low: 33554432',
      'memory.high: 50331648',
      'cpu.max: 50000 80000',
      'cpu.weight: 20',
      'pids.max: 50',
      'cpu.max.burst: 20000',
      'cgroup.max.depth: 7',
      '',
    ].join('\n'),
  });
});

test.each(['runc', 'crun'] as const)(
  '%s makes the same of the same configuration',
  async (peer) => {
    const lineOf = (text: string) =>
      text.split('\n').filter((line) => files.some((file) => line.startsWith(`${file}:`)));
    const { stdout, stderr } = await ran(peer);
    expect({ stderr, lines: lineOf(stdout) }).toEqual({
      stderr: '',
      lines: lineOf((await ran('all')).stdout),
    });
  },
);

test('-1 and 0 are no limits', async () => {
  expect(await ran('no limits at all')).toMatchObject({
    status: 0,
    stdout: 'memory.max: max\nmemory.swap.max: max\ncpu.max: max 100000\npids.max: max\n',
  });
});

test.each([
  ['idle', 'cpu.idle: 1\n'],
  ['the least shares', 'cpu.weight: 1\n'],
  ['the most shares', 'cpu.weight: 10000\n'],
] as const)('%s', async (name, stdout) => {
  expect(await ran(name)).toMatchObject({ status: 0, stdout });
});

test.each([
  [
    'controllers that are not there',
    /linux\.resources\.cpu\.cpus or mems needs the cpuset controller[\s\S]*linux\.resources\.hugepageLimits needs the hugetlb controller[\s\S]*linux\.resources\.rdma needs[\s\S]*linux\.resources\.unified needs the misc controller/,
  ],
  ['a disk that is not there', /io\.max[\s\S]*what to do: ENODEV: 8:0 must be a whole disk/],
  [
    'a file that is not there',
    /memory\.none[\s\S]*what to do: the file must be one of those of the kernel/,
  ],
  [
    'a value that is none',
    /memory\.high[\s\S]*what to do: the file must be one of those of the kernel/,
  ],
] as const)('%s: refused with the reason', async (name, message) => {
  const { status, stderr } = await ran(name);
  expect(status).toBe(125);
  expect(stderr).toMatch(message);
});
