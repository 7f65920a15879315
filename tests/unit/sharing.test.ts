/** Flags about other boxes and the host, as a specification: `--pid` and the like, `--volumes-from`, limits, labels. */
import { expect, test } from 'vitest';
import { plainRoot } from '../../src/spec/caller-ids.ts';
import { specFromOptions } from '../../src/spec/from-options.ts';
import { noOutside, type OtherBox, type Outside } from '../../src/spec/outside.ts';
import { noOptions, type RunOptions } from '../../src/spec/run-options.ts';
import { problemsOf } from './problems.ts';

const files: Readonly<Record<string, string>> = { env: '# c\nA=1\nHOME\nX*\n', labels: 'a=1\nb\n' };
const map = [{ containerID: 0, hostID: 5_000_000, size: 65_536 }];
const other: OtherBox = {
  id: 'abc123',
  kind: 'container',
  hostname: 'alpha',
  uidMappings: map,
  gidMappings: map,
  volumes: [
    { destination: '/a', type: 'bind', source: '/host/a', options: ['rbind', 'rnosuid', 'idmap'] },
    { destination: '/b', type: 'bind', source: '/host/b', options: ['bind', 'ro'] },
  ],
  namespace: (type) => `/ns/${type}`,
};
const outside: Outside = {
  ...noOutside,
  readFile: (_, path) => Buffer.from(files[path] ?? ''),
  findImage: (_, name) => `/images/${name}`,
  findBox: (_, word) => (word === 'vm' ? { ...other, kind: 'vm' } : other),
  inherited: () => 4,
  hostname: () => 'hosts-own',
};
const caller = {
  env: {
    ...{ HOME: '/mine', XA: '1', XB: '2' },
    ...{ TSBOX_OPEN_FILES: '1:2:3', TSBOX_EXTRA_CACERTS: '/certificates' },
  },
  cwd: '/here',
  findDevices: () => [],
  ids: plainRoot,
  outside,
};
const image = { rootfs: '/images/one', passwd: '', group: '' };
const plain: RunOptions = { ...noOptions, command: ['true'] };
const make = (own: Partial<RunOptions>) => specFromOptions({ ...plain, ...own }, image, caller);
const problems = (own: Partial<RunOptions>) => problemsOf(() => make(own));
const ownTypes = (own: Partial<RunOptions>) =>
  make(own)
    .spec.linux.namespaces.filter(({ path }) => path === undefined)
    .map(({ type }) => type);
const shm = (own: Partial<RunOptions>) =>
  make(own).spec.mounts.find(({ destination }) => destination === '/dev/shm');

test.each<[Partial<RunOptions>, readonly string[]]>([
  [{}, ['pid', 'mount', 'uts', 'ipc', 'network', 'cgroup']],
  [
    { pid: 'private', ipc: 'shareable', uts: '', cgroupns: 'private' },
    ['pid', 'mount', 'uts', 'ipc', 'network', 'cgroup'],
  ],
  [{ pid: 'host' }, ['mount', 'uts', 'ipc', 'network', 'cgroup']],
  [{ ipc: 'host', uts: 'host', cgroupns: 'host' }, ['pid', 'mount', 'network']],
  [{ ipc: 'none' }, ['pid', 'mount', 'uts', 'ipc', 'network', 'cgroup']],
  [{ ipc: 'ns:/run/ipc' }, ['pid', 'mount', 'uts', 'network', 'cgroup']],
])('%j: its own are %j', (own, types) => {
  expect(ownTypes(own)).toEqual(types);
});

test('namespaces of another box are entered by their paths', () => {
  const own = {
    pid: 'container:abc',
    ipc: 'container:abc',
    uts: 'container:abc',
    cgroupns: 'container:abc',
  };
  const { namespaces } = make(own).spec.linux;
  expect(namespaces.flatMap(({ path }) => path ?? [])).toEqual([
    '/ns/pid',
    '/ns/uts',
    '/ns/ipc',
    '/ns/cgroup',
  ]);
});

test('who shares the processes of a box has its ids, and nobody else has', () => {
  expect(make({ pid: 'container:abc' }).ids).toMatchObject({ own: 'no', uid: map, gid: map });
  expect(make({ ipc: 'container:abc' }).ids).toMatchObject({ own: 'preferred', uid: [] });
  expect(make({ pid: 'container:abc', userns: 'auto' }).ids).toMatchObject({ own: 'required' });
  expect(make({ pid: 'host' }).ids).toMatchObject({ own: 'preferred' });
});

test.each([
  ['host', undefined, 'HOSTNAME=hosts-own'],
  ['container:abc', undefined, 'HOSTNAME=alpha'],
  ['private', 'tsbox', 'HOSTNAME=tsbox'],
])('--uts %s: the name is set to %s, and the workload is told %s', (uts, set, told) => {
  const { hostname, process } = make({ uts }).spec;
  expect(hostname).toBe(set);
  expect(process.env).toContain(told);
});

test('shared memory is that of whose IPC namespace it is', () => {
  expect(shm({})?.options).toContain('size=65536k');
  expect(shm({ shmSize: '1m' })?.options).toContain('size=1048576');
  expect(shm({ shmSize: '1m' })?.options).not.toContain('size=65536k');
  expect(shm({ ipc: 'host' })).toMatchObject({ type: 'bind', source: '/dev/shm' });
  expect(shm({ ipc: 'none' })).toBeUndefined();
  expect(make({ ipc: 'container:abc' }).sharedMemory).toBe('/ns/mount');
});

test('--volumes-from: as they are, read-only, writable, or something else in their place', () => {
  const volumes = (...volumesFrom: string[]) =>
    make({ volumesFrom, volume: ['/x:/c'] }).spec.mounts.filter(({ type }) => type === 'bind');
  const options = (...words: string[]) => volumes(...words).map((mount) => mount.options);
  expect(volumes('abc').map(({ destination }) => destination)).toEqual(['/a', '/b', '/c']);
  expect(options('abc').slice(0, 2)).toEqual([
    ['rbind', 'rnosuid'],
    ['bind', 'ro'],
  ]);
  expect(options('abc:ro').slice(0, 2)).toEqual([
    ['rbind', 'rnosuid', 'rro'],
    ['bind', 'ro'],
  ]);
  expect(options('abc:rw').slice(0, 2)).toEqual([['rbind', 'rnosuid'], ['bind']]);
  const own = make({ volumesFrom: ['abc'], volume: ['/x:/a'] }).spec.mounts;
  expect(own.filter(({ destination }) => destination === '/a')).toMatchObject([{ source: '/x' }]);
});

test('an image as a volume is read-only', () => {
  const [mount] = make({ mount: ['type=image,src=two,dst=/i'] }).spec.mounts.slice(-1);
  expect(mount).toMatchObject({ source: '/images/two', destination: '/i' });
  expect(mount?.options).toContain('rro');
});

test('variables of a file, of the caller, and those that begin alike; --env wins', () => {
  const { env } = make({ envFile: ['env'], env: ['A=2', 'X*'] }).spec.process;
  expect(env.slice(1)).toEqual(['HOSTNAME=tsbox', 'HOME=/mine', 'A=2', 'XA=1', 'XB=2']);
});

test.each(['*', 'NODE_EXTRA_CA_CERTS', 'NODE*'])(
  '--env %s: what bin/tsbox keeps from Node is passed on',
  (word) => {
    const { env } = make({ env: [word] }).spec.process;
    expect(env).toContain('NODE_EXTRA_CA_CERTS=/certificates');
  },
);

test.each(['*', 'TSBOX*', 'TSBOX_OPEN_FILES', 'TSBOX_EXTRA_CACERTS'])(
  '--env %s: what bin/tsbox tells tsbox is not',
  (word) => {
    expect(make({ env: [word] }).spec.process.env.join()).not.toContain('TSBOX');
  },
);

test('what tsbox does around the box', () => {
  const asked = {
    label: ['b=2', 'c'],
    labelFile: ['labels'],
    stopSignal: 'INT',
    timeout: '9',
    preserveFds: '4',
  };
  expect(make(asked)).toMatchObject({
    labels: { a: '1', b: '2', c: '' },
    stopSignal: 2,
    timeout: 9,
    preserved: 4,
  });
  const { labels, stopSignal, timeout, preserved } = make({});
  expect([labels, stopSignal, timeout, preserved]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('annotations and kernel parameters are the specification’s', () => {
  const { annotations, linux } = make({
    annotation: ['a.b=c=d'],
    sysctl: ['net.ipv4.ip_forward=1', 'kernel/sem=1 2 3 4'],
  }).spec;
  expect(annotations).toEqual({ 'a.b': 'c=d' });
  expect(linux.sysctl).toEqual({ 'net.ipv4.ip_forward': '1', 'kernel/sem': '1 2 3 4' });
});

test.each<[Partial<RunOptions>, object]>([
  [{ cpuShares: '512' }, { cpu: { shares: 512 } }],
  [
    { cpus: '1', cpusetCpus: '0-1', cpusetMems: '0' },
    { cpu: { quota: 100000, period: 100000, cpus: '0-1', mems: '0' } },
  ],
  [{ cpuShares: '0' }, {}],
  [{ memoryReservation: '1m' }, { memory: { reservation: 2 ** 20 } }],
  [{ memory: '2m', memorySwap: '3m' }, { memory: { limit: 2 ** 21, swap: 3 * 2 ** 20 } }],
  [{ memory: '2m', memorySwap: '-1' }, { memory: { limit: 2 ** 21, swap: -1 } }],
  [{ memory: '2m', memorySwap: '0' }, { memory: { limit: 2 ** 21 } }],
])('resources of %j', (own, resources) => {
  expect(make(own).spec.linux.resources).toEqual(resources);
});

test('a read-only root has places in memory, unless there is something else, or none are wanted', () => {
  const places = (own: Partial<RunOptions>) =>
    make(own).spec.mounts.flatMap(({ destination, type, options }) =>
      type === 'tmpfs' && !destination.startsWith('/dev')
        ? [[destination, ...options].join(' ')]
        : [],
    );
  expect(places({})).toEqual([]);
  expect(places({ readOnlyTmpfs: false })).toEqual([]);
  expect(places({ readOnly: true })).toEqual([
    '/run nosuid nodev mode=755',
    '/tmp nosuid nodev mode=1777',
    '/var/tmp nosuid nodev mode=1777',
  ]);
  expect(places({ readOnly: true, volume: ['/x:/tmp'] })).toHaveLength(2);
  expect(places({ readOnly: true, readOnlyTmpfs: false })).toEqual([]);
  expect(shm({ readOnly: true, readOnlyTmpfs: false })?.options).toContain('ro');
});

test('everything that is wrong is said at once', () => {
  const wrong = {
    pid: 'hst',
    ipc: 'none',
    uts: 'host',
    cgroupns: 'none',
    hostname: 'h',
    shmSize: '1m',
    memorySwap: '5m',
    memoryReservation: 'x',
    cpusetCpus: '3-1',
    sysctl: ['vm.swappiness=1', 'net', 'net/../kernel/panic=1'],
    label: ['=x'],
    annotation: ['y'],
    stopSignal: 'SIGFOO',
    timeout: '-1',
    preserveFds: '5',
    volumesFrom: ['abc:rx', 'abc:ro,rw'],
    entrypoint: '["a',
  };
  expect(problems(wrong).map((problem) => problem.split(': ')[0])).toEqual([
    '--pid hst',
    '--cgroupns none',
    '--hostname h and --uts host contradict each other',
    '--shm-size 1m and --ipc none contradict each other',
    '--sysctl vm.swappiness=1',
    '--sysctl net',
    '--sysctl net/../kernel/panic=1',
    '--memory-reservation x',
    '--memory-swap 5m',
    '--cpuset-cpus 3-1',
    '--entrypoint ["a',
    '--volumes-from abc:rx',
    '--volumes-from abc:ro,rw',
    '--annotation y',
    '--stop-signal SIGFOO',
    '--timeout -1',
    '--preserve-fds 5',
    '--label =x',
  ]);
});

test.each<[Partial<RunOptions>, RegExp]>([
  [{ memory: '4m', memorySwap: '3m' }, /^--memory-swap 3m: less than --memory 4m/],
  [{ memory: '4m', memoryReservation: '5m' }, /^--memory-reservation 5m: more than --memory 4m/],
  [
    { ipc: 'host', sysctl: ['kernel.msgmax=1'] },
    /^--sysctl kernel.msgmax=1: it belongs to the ipc namespace/,
  ],
  [{ uts: 'container:abc', hostname: 'h' }, /^--hostname h and --uts container:abc contradict/],
  [{ ipc: 'container:abc', shmSize: '1m' }, /^--shm-size 1m and --ipc container:abc contradict/],
  [{ pid: 'host', init: true }, /^--init and --pid host contradict/],
  [{ pid: 'container:vm' }, /^--pid container:vm: it is a micro-VM/],
])('%j is refused', (own, why) => {
  expect(problems(own)).toEqual([expect.stringMatching(why)]);
});

test('a user without privileges cannot enter the namespaces of a box', () => {
  const user = { ...caller, ids: { ...plainRoot, kind: 'user' as const, uid: 1000, gid: 1000 } };
  const act = () => specFromOptions({ ...plain, pid: 'container:abc' }, image, user);
  expect(problemsOf(act)).toEqual([expect.stringMatching(/^--pid container:abc: only root/)]);
});

test('a caller of the library who looks nothing up is told so', () => {
  const { outside: _, ...alone } = caller;
  const act = () => specFromOptions({ ...plain, envFile: ['f'] }, image, alone);
  expect(problemsOf(act)).toEqual([expect.stringMatching(/^--env-file f: nobody is there/)]);
});

test('--sysctl kernel.hostname: what sets the name instead is told', () => {
  expect(problems({ sysctl: ['kernel.hostname=x'] })).toEqual([
    expect.stringMatching(/^--sysctl kernel.hostname=x: .*--hostname/),
  ]);
});
