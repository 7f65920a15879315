/** What is read of an OCI configuration, and everything that is refused, by the field's path. */
import { expect, test } from 'vitest';
import { badValues } from './bad-values.ts';
import { problemsOf } from './problems.ts';
import { changed, type Json, read, whole } from './whole-config.ts';

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

test.each([...badValues])('%s: %j is refused', (path, value, expected) => {
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
  ['mounts[2].options[0]', 'rbind', 'process.terminal: it comes from a mount of type devpts'],
  ['mounts[3].destination', '/dev/pts', 'process.terminal: it comes from a mount of type devpts'],
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
