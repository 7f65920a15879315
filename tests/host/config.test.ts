/** What the fields of an OCI configuration do, seen from inside of a box on the real kernel. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleDirectory, config, type Json, run, script } from './bundle.ts';
import { type Effect, effects, namespaces, usual } from './config-effects.ts';
import { eachLeavesNothing } from './tsbox.ts';

eachLeavesNothing();

const without = (kind: string) => namespaces(...usual.filter((type) => type !== kind));

test.each<Effect>([
  ...effects,
  [
    'linux.namespaces without network: the host’s',
    without('network'),
    'readlink /proc/self/ns/net',
    `${linkOf('net')}\n`,
  ],
  [
    'linux.namespaces without pid: the host’s',
    without('pid'),
    '[ $$ -gt 1 ] && echo others',
    'others\n',
  ],
])('%s', (_, change, text, expected) => {
  const { status, stdout, stderr } = run(config(change, script(text)));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  if (typeof expected === 'string') expect(stdout).toBe(expected);
  else expect(stdout).toMatch(expected);
});

mkdirSync(join(bundleDirectory, 'shared'));
writeFileSync(join(bundleDirectory, 'shared/file'), 'shared\n');

function linkOf(name: string): string {
  return execFileSync('readlink', [`/proc/self/ns/${name}`], { encoding: 'utf8' }).trim();
}

/** A process in namespaces that a box can join. */
let other: ReturnType<typeof spawn>;
beforeAll(async () => {
  other = spawn(
    'unshare',
    [
      '-n',
      '-i',
      '-u',
      '-C',
      '-p',
      '-T',
      '-f',
      '--mount-proc',
      'sh',
      '-c',
      'hostname joined; echo up; exec sleep 1000',
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await new Promise((settle) => other.stdout?.once('data', settle));
});
afterAll(() => {
  process.kill(childOf(other.pid ?? 0), 'SIGKILL');
});

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

test.each([
  ['network', 'net'],
  ['ipc', 'ipc'],
  ['uts', 'uts'],
  ['cgroup', 'cgroup'],
  ['pid', 'pid'],
  ['time', 'time'],
])('linux.namespaces with a path: %s', (type, name) => {
  const path = `/proc/${childOf(other.pid ?? 0)}/ns/${name}`;
  const change = namespaces(...usual.filter((each) => each !== type), { type, path });
  const { status, stdout, stderr } = run(config(change, script(`readlink /proc/self/ns/${name}`)));
  const expected = execFileSync('readlink', [path], { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: expected, stderr: '' });
});

test('linux.namespaces with a path, and a user namespace of its own', () => {
  const path = `/proc/${childOf(other.pid ?? 0)}/ns/net`;
  const map = [{ containerID: 0, hostID: 700_000_000, size: 65_536 }];
  const change = {
    root: { path: '/var/lib/tsbox/images/busybox', readonly: true },
    mounts: [{ destination: '/proc', type: 'proc' }],
    linux: {
      namespaces: [
        ...['pid', 'ipc', 'uts', 'mount', 'user'].map((type) => ({ type })),
        { type: 'network', path },
      ],
      uidMappings: map,
      gidMappings: map,
    },
  };
  const { status, stdout, stderr } = run(
    config(change, script('readlink /proc/self/ns/net; cat /proc/self/uid_map')),
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout.split('\n')[0]).toBe(execFileSync('readlink', [path], { encoding: 'utf8' }).trim());
  expect(stdout).toMatch(/ 0 +700000000 +65536\n$/);
});

test.each([
  ['/etc/passwd', /^tsbox: linux\.namespaces: \/etc\/passwd: no namespace of that type/],
  [
    '/proc/self/ns/uts',
    /^tsbox: linux\.namespaces: \/proc\/self\/ns\/uts: no namespace of that type/,
  ],
  ['/nowhere', /^tsbox: linux\.namespaces: \/nowhere: ENOENT/],
])('a path that is no network namespace is refused: %s', (path, message) => {
  const change = namespaces('pid', 'mount', { type: 'network', path });
  const { status, stderr } = run(config(change));
  expect(status).toBe(125);
  expect(stderr).toMatch(message);
});

test('a parameter of a joined namespace that is the host’s is refused', () => {
  const change = {
    linux: {
      namespaces: [
        { type: 'mount' },
        { type: 'pid' },
        { type: 'network', path: '/proc/self/ns/net' },
      ],
      sysctl: { 'net.ipv4.ip_forward': '1' },
    },
  };
  const { status, stderr } = run(config(change));
  expect(status).toBe(125);
  expect(stderr).toMatch(/^tsbox: linux\.sysctl\["net\.ipv4\.ip_forward"\]: .*host’s/);
});

test.each<[string, Json, RegExp]>([
  [
    'a root that is not there',
    { root: { path: 'nowhere' } },
    /^tsbox: \S+: root\.path: \S+\/nowhere is not a directory that you can read\n$/,
  ],
  [
    'a root that is a file',
    { root: { path: 'shared/file' } },
    /^tsbox: \S+: root\.path: \S+\/shared\/file is not a directory/,
  ],
  [
    'a source that is not there',
    { mounts: [{ destination: '/a', source: 'nowhere', options: ['bind'] }] },
    /^tsbox: mounts: \S+\/nowhere: ENOENT: a volume's source must exist/,
  ],
  [
    'a device that is not there',
    { linux: { devices: [{ type: 'c', path: '/dev/nowhere', major: 1, minor: 3 }] } },
    /^tsbox: linux\.devices: \/dev\/nowhere: no device of the host/,
  ],
  [
    'a label where there is no SELinux',
    { process: { selinuxLabel: 'u:r:t:s0' } },
    /^tsbox: an SELinux label .*: leave process\.selinuxLabel and linux\.mountLabel out/,
  ],
])('what this host has not is refused by the field: %s', (_, change, message) => {
  const { status, stderr } = run(config(change));
  expect(status).toBe(125);
  expect(stderr).toMatch(message);
});

test('a path that is no namespace, and would be waited for, is refused', () => {
  const path = join(bundleDirectory, 'fifo');
  execFileSync('mkfifo', [path]);
  const { status, stderr } = run(config(namespaces('pid', 'mount', { type: 'network', path })));
  expect(status).toBe(125);
  expect(stderr).toMatch(/^tsbox: linux\.namespaces: \S+\/fifo: no namespace of that type/);
});
