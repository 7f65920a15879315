/** What is read of an OCI configuration, and everything that is refused, by the field's path. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodePlan } from '../../src/plan/encode.ts';
import { SpecError } from '../../src/spec/errors.ts';
import { problemsOf } from './problems.ts';
import { changed, type Json, planOf, read, whole } from './whole-config.ts';

test('a configuration with every field is read without a word', () => {
  const { spec, notes } = read(whole);
  expect(notes).toEqual([]);
  expect(spec.root.path).toBe('/bundle/rootfs');
  expect(spec.mounts.at(-1)).toEqual({
    destination: '/data',
    type: 'bind',
    source: '/bundle/data',
    options: ['rbind', 'ro', 'idmap'],
  });
  expect(spec.process.rlimits).toEqual([
    { type: 'RLIMIT_NOFILE', soft: 10n, hard: 2n ** 64n - 1n },
  ]);
});

test.each<[string, unknown, string]>([
  ['ociVersion', undefined, 'missing'],
  ['ociVersion', '2.0.0', '2.0.0: tsbox knows the versions 1.x'],
  ['ociVersion', '1.2', '1.2: not a version'],
  ['ociVersion', 1, 'not a string'],
  ['root', undefined, 'missing'],
  ['root', [], 'not an object'],
  ['root.path', 7, 'not a string'],
  ['root.path', '', 'empty'],
  ['root.readonly', 'yes', 'neither true nor false'],
  ['hostname', 'x'.repeat(65), 'longer than the kernel takes'],
  ['domainname', 'x'.repeat(65), 'longer than the kernel takes'],
  ['process', undefined, 'missing'],
  ['process.terminal', 1, 'neither true nor false'],
  ['process.consoleSize.height', -1, 'not a whole number from 0 to 65535'],
  ['process.consoleSize.width', 1e9, 'not a whole number from 0 to 65535'],
  ['process.cwd', 'work', '"work": not an absolute path'],
  ['process.cwd', undefined, 'missing'],
  ['process.env[0]', 'PATH', 'PATH: not NAME=value'],
  ['process.args', [], 'no program is named'],
  ['process.args', undefined, 'no program is named'],
  ['process.args[1]', 'a\0b', 'a null character is in it'],
  ['process.user.uid', -1, 'not a whole number from 0 to 4294967294'],
  ['process.user.gid', 4_294_967_295, 'not a whole number from 0 to 4294967294'],
  ['process.user.umask', 0o1000, 'not a whole number from 0 to 511'],
  ['process.user.additionalGids[1]', 'wheel', 'not a whole number from 0 to 4294967294'],
  ['process.capabilities.bounding', 'CAP_KILL', 'not a list'],
  ['process.rlimits[0].type', 'RLIMIT_FILES', 'RLIMIT_FILES is unknown'],
  ['process.rlimits[0].soft', 2 ** 70, 'not a whole number'],
  ['process.apparmorProfile', {}, 'not a string'],
  ['process.selinuxLabel', 3, 'not a string'],
  ['process.oomScoreAdj', 1001, 'not a whole number from -1000 to 1000'],
  ['process.ioPriority.class', 'IOPRIO_CLASS_NONE', 'IOPRIO_CLASS_NONE is unknown'],
  ['process.ioPriority.priority', 8, 'not a whole number from 0 to 7'],
  ['process.scheduler.policy', 'SCHED_ISO', 'SCHED_ISO is unknown'],
  ['process.scheduler.nice', 20, '20: whole numbers from -20 to 19'],
  ['process.scheduler.priority', 3, 'SCHED_OTHER has none'],
  ['process.scheduler.deadline', 3, 'SCHED_OTHER has none'],
  ['process.execCPUAffinity.initial', '1-', '1-: not a list of processors'],
  ['process.execCPUAffinity.final', '9-3', '9-3: not a list of processors'],
  ['mounts', {}, 'not a list'],
  ['mounts[0].destination', undefined, 'missing'],
  ['mounts[0].destination', '/', '"/": nothing can be mounted on the root'],
  ['mounts[0].type', 'xfs', 'xfs: tsbox mounts bind, none, proc'],
  ['mounts[0].type', undefined, 'missing: tsbox mounts'],
  ['mounts[3].source', undefined, 'missing'],
  ['mounts[3].options[1]', 'size=3', 'size=3: no option of a mount of something'],
  ['mounts[3].options[1]', 'tmpcopyup', 'tmpcopyup: what the image has there'],
  ['mounts[3].gidMappings[0].size', 0, 'not a whole number from 1'],
  ['hooks', [], 'not an object'],
  ['hooks.prestart[0].path', 'hook', '"hook": not an absolute path'],
  ['hooks.createRuntime[0].path', undefined, 'missing'],
  ['hooks.createContainer[0].args[0]', 3, 'not a string'],
  ['hooks.startContainer[0].env', 'A=1', 'not a list'],
  ['hooks.poststart[0].timeout', 0, 'not a whole number from 1'],
  ['hooks.poststop[0].timeout', 1.5, 'not a whole number from 1'],
  ['annotations["com.example.key"]', 1, 'not a string'],
  ['vm', {}, 'tsbox has a hypervisor'],
  ['linux.namespaces[0].type', 'net', 'net is unknown'],
  ['linux.namespaces[6].path', 'one', '"one": not an absolute path'],
  ['linux.namespaces[1].path', '/proc/1/ns/mnt', 'tsbox puts the box’s mounts together'],
  ['linux.namespaces[4].path', '/proc/1/ns/user', 'tsbox makes the user namespace'],
  ['linux.uidMappings', [], 'missing: a user namespace has no ids without it'],
  ['linux.gidMappings[0].size', 0, 'not a whole number from 1'],
  ['linux.timeOffsets["realtime"]', { secs: 1 }, 'unknown; monotonic and boottime are known'],
  ['linux.timeOffsets["monotonic"].nanosecs', 1e9, 'not a whole number from 0 to 999999999'],
  ['linux.timeOffsets["boottime"].secs', 0.5, 'not a whole number'],
  ['linux.devices[0].type', 'p', 'p: a FIFO is no device'],
  ['linux.devices[0].path', 'dev/fuse', '"dev/fuse": not an absolute path'],
  ['linux.devices[0].major', undefined, 'missing'],
  ['linux.devices[0].fileMode', '600', 'not a whole number'],
  ['linux.cgroupsPath', '/a', 'tsbox gives each box a cgroup of its own'],
  ['linux.intelRdt', {}, 'tsbox puts no box into a group of resctrl'],
  ['linux.netDevices', { eth0: {} }, 'tsbox does not move devices'],
  ['linux.rootfsPropagation', 'public', 'public is unknown'],
  ['linux.seccomp.defaultAction', undefined, 'missing'],
  ['linux.seccomp.defaultAction', 'SCMP_ACT_MAYBE', 'SCMP_ACT_MAYBE is unknown'],
  ['linux.seccomp.syscalls[0].args[0].index', 6, 'not a whole number from 0 to 5'],
  ['linux.sysctl["net.ipv4.ip_forward"]', 1, 'not a string'],
  ['linux.sysctl["vm.swappiness"]', '1', 'it is none of a namespace'],
  ['linux.sysctl["net.ipv4...x"]', '1', 'it is none of a namespace'],
  ['linux.sysctl["net/../kernel/sysrq"]', '1', 'it is none of a namespace'],
  ['linux.sysctl["kernel.hostname"]', 'x', 'use hostname'],
  ['linux.maskedPaths[0]', 'proc', '"proc": not an absolute path'],
  ['linux.readonlyPaths[0]', 3, 'not a string'],
  ['linux.mountLabel', 3, 'not a string'],
  ['linux.personality.domain', 'BSD', 'BSD is unknown'],
  ['linux.personality.flags', ['X'], 'the specification knows none yet'],
  ['linux.memoryPolicy.mode', 'MPOL_ANY', 'MPOL_ANY is unknown'],
  ['linux.memoryPolicy.nodes', 'all', 'all: not a list of nodes'],
  ['linux.memoryPolicy.nodes', '', 'MPOL_BIND needs some'],
  ['linux.resources.memory.limit', '64m', 'not a whole number'],
  ['linux.resources.memory.swap', 1000, '1000: it counts memory and swap together'],
  ['linux.resources.memory.reservation', -2, 'not a whole number'],
  ['linux.resources.memory.kernel', 1000, 'cgroup version 2 counts it as part of limit'],
  ['linux.resources.memory.kernelTCP', 1000, 'cgroup version 2 counts it as part of limit'],
  ['linux.resources.memory.swappiness', 60, 'cgroup version 2 has it for the whole host alone'],
  ['linux.resources.memory.disableOOMKiller', true, 'it cannot be disabled'],
  ['linux.resources.memory.useHierarchy', false, 'cgroup version 2 always counts'],
  ['linux.resources.memory.checkBeforeUpdate', 1, 'neither true nor false'],
  ['linux.resources.cpu.shares', -1, 'not a whole number'],
  ['linux.resources.cpu.quota', 1.5, 'not a whole number'],
  ['linux.resources.cpu.period', 'x', 'not a whole number'],
  ['linux.resources.cpu.burst', 60_000, '60000: no more than quota'],
  ['linux.resources.cpu.realtimeRuntime', 5, 'cgroup version 2 has no limit for real-time'],
  ['linux.resources.cpu.realtimePeriod', 5, 'cgroup version 2 has no limit for real-time'],
  ['linux.resources.cpu.cpus', 'first', 'first: not a list of numbers'],
  ['linux.resources.cpu.mems', '0-99999', '0-99999: not a list of numbers'],
  ['linux.resources.cpu.idle', 2, 'not a whole number from 0 to 1'],
  ['linux.resources.pids.limit', undefined, 'missing'],
  ['linux.resources.pids.limit', -2, 'not a whole number from -1'],
  ['linux.resources.blockIO.weight', 5, '5: from 10 to 1000'],
  ['linux.resources.blockIO.leafWeight', 5, 'cgroup version 2 has none'],
  ['linux.resources.blockIO.weightDevice[0].weight', undefined, 'missing'],
  ['linux.resources.blockIO.weightDevice[0].leafWeight', 5, 'cgroup version 2 has none'],
  ['linux.resources.blockIO.throttleReadBpsDevice[0].rate', undefined, 'missing'],
  ['linux.resources.blockIO.throttleWriteBpsDevice[0].major', -1, 'not a whole number'],
  ['linux.resources.blockIO.throttleReadIOPSDevice[0].minor', undefined, 'missing'],
  ['linux.resources.blockIO.throttleWriteIOPSDevice', {}, 'not a list'],
  ['linux.resources.hugepageLimits[0].pageSize', '2M', '2M: not a size'],
  ['linux.resources.hugepageLimits[0].limit', undefined, 'missing'],
  ['linux.resources.network', { classID: 1 }, 'cgroup version 2 has neither classes'],
  ['linux.resources.rdma["mlx5_1"]', {}, 'hcaHandles, hcaObjects or both'],
  ['linux.resources.rdma["a b"]', { hcaHandles: 1 }, 'not the name of a device'],
  ['linux.resources.unified["../x"]', '1', 'not the name of a file'],
  ['linux.resources.unified["cgroup.procs"]', '1', 'tsbox itself writes this file'],
  ['linux.resources.unified["memory.high"]', 1, 'not a string'],
  ['linux.resources.devices[0].allow', undefined, 'missing'],
  ['linux.resources.devices[0].type', 'x', 'x is unknown'],
  ['linux.resources.devices[0].access', 'x', 'x: letters of rwm'],
])('%s: %j is refused', (path, value, expected) => {
  const problems = problemsOf(() => read(changed(path, value)));
  expect(problems).toContainEqual(expect.stringContaining(`c: ${path}: ${expected}`));
});

test.each<[string, Json | undefined, string]>([
  [
    'two namespaces of a type',
    { namespaces: [{ type: 'mount' }, { type: 'mount' }] },
    'linux.namespaces: mount is listed twice',
  ],
  [
    'no mount namespace',
    { namespaces: [{ type: 'pid' }] },
    'linux.namespaces: without {"type": "mount"}',
  ],
  ['no linux at all', undefined, 'linux.namespaces: without {"type": "mount"}'],
  [
    'a host name of the host',
    { namespaces: [{ type: 'mount' }] },
    'hostname: it would be the host’s',
  ],
  [
    'offsets without a time namespace',
    { namespaces: [{ type: 'mount' }], timeOffsets: { boottime: { secs: 1 } } },
    'linux.timeOffsets: they are those of a new time namespace',
  ],
  [
    'a parameter of the host’s namespace',
    { namespaces: [{ type: 'mount' }], sysctl: { 'net.ipv4.ip_forward': '1' } },
    'linux.sysctl["net.ipv4.ip_forward"]: the box has the host’s: list {"type": "network"}',
  ],
  [
    'maps without a user namespace',
    { namespaces: [{ type: 'mount' }], uidMappings: [{ containerID: 0, hostID: 0, size: 1 }] },
    'linux.uidMappings: there is no {"type": "user"}',
  ],
])('%s is refused', (_, linux, expected) => {
  const problems = problemsOf(() => read(changed('linux', linux)));
  expect(problems).toContainEqual(expect.stringContaining(`c: ${expected}`));
});

test.each<[string, unknown, string]>([
  ['process.rlimits[0].hard', 9, 'process.rlimits[0].soft: 10: above hard, 9'],
  ['process.scheduler.flags[0]', 'X', 'process.scheduler.flags: X is unknown'],
  ['mounts[3].uidMappings[0].hostID', 5, 'mounts[3].uidMappings: owners of files can be mapped'],
  ['linux.resources.memory.limit', -1, 'linux.resources.memory.swap: it counts memory and swap'],
  ['linux.memoryPolicy.flags[0]', 'X', 'linux.memoryPolicy.flags: X is unknown'],
  ['mounts[0].type', 'sysfs', 'linux.sysctl: it is written to /proc: add a mount of type proc'],
  ['mounts[2].destination', '/pts', 'process.terminal: it comes from a mount of type devpts'],
  ['linux.seccomp.listenerPath', '/agent', 'hooks.startContainer: the hook has the workload’s'],
])('%s: %j is refused by what depends on it', (path, value, expected) => {
  const problems = problemsOf(() => read(changed(path, value)));
  expect(problems).toContainEqual(expect.stringContaining(`c: ${expected}`));
});

test('everything that is wrong is said at once', () => {
  const bad = changed(
    'process.cwd',
    1,
    changed('linux.cgroupsPath', '/a', changed('ociVersion', '3.0.0')),
  );
  expect(problemsOf(() => read(bad))).toHaveLength(3);
});

test.each(['', '{', '[]', 'null', '7', '"x"', '{}'])('%j is no configuration', (text) => {
  expect(
    problemsOf(() => read(JSON.parse(text === '' || text === '{' ? '0' : text))).length,
  ).toBeGreaterThan(0);
});

test.each<[string, unknown, string]>([
  ['proces', {}, 'c: proces: unknown to tsbox and ignored (is process meant?)'],
  ['linux.sysctls', {}, 'c: linux.sysctls: unknown to tsbox and ignored (is sysctl meant?)'],
  ['windows', {}, 'c: windows: about another system, and ignored'],
  ['process.commandLine', 'x', 'c: process.commandLine: about another system, and ignored'],
  ['process.user.username', 'x', 'c: process.user.username: about another system, and ignored'],
  [
    'process.capabilities.bounding',
    ['CAP_X'],
    'c: process.capabilities.bounding: CAP_X is left out: no capability that tsbox knows',
  ],
  [
    'process.capabilities.ambient',
    ['CAP_CHOWN'],
    'c: process.capabilities.ambient: CAP_CHOWN is left out: it is not in both the permitted and the inheritable set',
  ],
])('%s is told of, and ignored', (path, value, expected) => {
  expect(read(changed(path, value)).notes).toEqual([expected]);
});

/** Paths to every value of the whole configuration. */
function pathsIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, each]) => {
    const name = Array.isArray(value)
      ? `[${key}]`
      : /^\w+$/.test(key)
        ? `.${key}`
        : `[${JSON.stringify(key)}]`;
    return pathsIn(each, `${path}${name}`.replace(/^\./, ''));
  });
  return path === '' ? inner : [path, ...inner];
}

test('whatever stands in a field, there is a plan or a list of problems', () => {
  const interesting = fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    '/',
    'x',
    '\0',
    '-1',
    -1,
    0,
    1,
    2 ** 31,
    2 ** 53,
    1e300,
    true,
    [],
    {},
    [null],
    [''],
    ['x'],
    [{}],
    '__proto__',
    { __proto__: null, x: 1 },
    { constructor: 1 },
    'CAP_KILL',
    '0-3',
    'max',
  );
  const values = fc.oneof(interesting, fc.jsonValue({ maxDepth: 3 }));
  const changes = fc.array(fc.tuple(fc.constantFrom(...pathsIn(whole)), values), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(changes, (list) => {
      const config = list.reduce<unknown>(
        (before, [path, value]) => changed(path, value, before),
        whole,
      );
      try {
        const { sections } = planOf(config);
        encodePlan(
          sections.flatMap(({ steps }) => steps),
          'x64',
        );
      } catch (error) {
        if (!(error instanceof SpecError)) throw error;
        expect(error.problems.length).toBeGreaterThan(0);
        for (const problem of error.problems) expect(problem).toMatch(/^(c: )?[a-zA-Z]/);
      }
    }),
    { numRuns: 3000 },
  );
});
