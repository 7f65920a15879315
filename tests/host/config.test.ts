/** What the fields of an OCI configuration do, seen from inside of a box on the real kernel. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleDirectory, config, type Json, run, script } from './bundle.ts';
import { eachLeavesNothing } from './tsbox.ts';

eachLeavesNothing();

const namespaces = (...types: readonly (string | Json)[]) => ({
  linux: { namespaces: types.map((type) => (typeof type === 'string' ? { type } : type)) },
});
const usual = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'] as const;
const without = (kind: string) => namespaces(...usual.filter((type) => type !== kind));

test.each<[string, Json, string, string | RegExp]>([
  ['hostname', { hostname: 'teapot' }, 'hostname', 'teapot\n'],
  [
    'domainname',
    { domainname: 'kitchen.example' },
    'cat /proc/sys/kernel/domainname',
    'kitchen.example\n',
  ],
  [
    'process.user.umask',
    { process: { user: { uid: 0, gid: 0, umask: 0o027 } } },
    'umask',
    '0027\n',
  ],
  [
    'process.user.additionalGids',
    { process: { user: { uid: 1000, gid: 7, additionalGids: [8, 9] } } },
    'grep -E "^(Uid|Gid|Groups):" /proc/self/status',
    'Uid:\t1000\t1000\t1000\t1000\nGid:\t7\t7\t7\t7\nGroups:\t8 9 \n',
  ],
  [
    'process.rlimits',
    { process: { rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 4096 }] } },
    'grep "Max core" /proc/self/limits',
    /^Max core file size +1 +4096 +bytes/,
  ],
  [
    'process.oomScoreAdj',
    { process: { oomScoreAdj: 321 } },
    'cat /proc/self/oom_score_adj',
    '321\n',
  ],
  [
    'process.ioPriority',
    { process: { ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 } } },
    'ionice -p $$',
    'best-effort: prio 6\n',
  ],
  [
    'process.scheduler',
    { process: { scheduler: { policy: 'SCHED_BATCH', nice: 3 } } },
    'cut -d" " -f19,41 /proc/self/stat',
    '3 3\n',
  ],
  [
    'process.execCPUAffinity',
    { process: { execCPUAffinity: { initial: '0', final: '0-1' } } },
    'echo runs',
    'runs\n',
  ],
  [
    'linux.personality',
    { linux: { personality: { domain: 'LINUX32' } } },
    'cat /proc/self/personality 2>/dev/null || uname -m',
    /^(00000008|i686)\n$/,
  ],
  [
    'linux.sysctl',
    {
      linux: {
        sysctl: {
          'net.ipv4.ip_forward': '1',
          'net/ipv4/conf/lo/forwarding': '1',
          'kernel.shmmax': '65536',
          'fs.mqueue.msg_max': '11',
        },
      },
    },
    'cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/shmmax fs/mqueue/msg_max',
    '1\n1\n65536\n11\n',
  ],
  [
    'linux.sysctl is set before /proc/sys is made read-only',
    { linux: { sysctl: { 'net.ipv4.ip_forward': '1' }, readonlyPaths: ['/proc/sys'] } },
    'cat /proc/sys/net/ipv4/ip_forward; (echo 0 >/proc/sys/net/ipv4/ip_forward) 2>/dev/null || true',
    '1\n',
  ],
  [
    'linux.timeOffsets',
    {
      linux: {
        namespaces: [...usual, 'time'].map((type) => ({ type })),
        timeOffsets: { boottime: { secs: 1_000_000_000, nanosecs: 5 }, monotonic: { secs: 7 } },
      },
    },
    '[ $(cut -d. -f1 /proc/uptime) -gt 1000000000 ] && cat /proc/self/timens_offsets',
    /^monotonic +7 +0\nboottime +1000000000 +5\n$/,
  ],
  [
    'linux.rootfsPropagation',
    { linux: { rootfsPropagation: 'shared' } },
    `awk '$5 == "/"' /proc/self/mountinfo`,
    / shared:\d+ /,
  ],
  [
    'linux.memoryPolicy',
    { linux: { memoryPolicy: { mode: 'MPOL_BIND', nodes: '0', flags: ['MPOL_F_STATIC_NODES'] } } },
    'head -n 1 /proc/self/numa_maps',
    / bind=static:0 /,
  ],
  ['linux.maskedPaths', { linux: { maskedPaths: ['/etc/passwd'] } }, 'wc -c </etc/passwd', '0\n'],
  [
    'linux.readonlyPaths',
    { linux: { readonlyPaths: ['/tmp'] } },
    'touch /tmp/x 2>/dev/null; echo $?',
    '1\n',
  ],
  ['root.readonly', { root: { readonly: true } }, 'touch /x 2>/dev/null; echo $?', '1\n'],
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
  [
    'mounts',
    {
      mounts: [
        { destination: 'proc', type: 'proc' },
        {
          destination: '/data',
          type: 'none',
          source: 'shared',
          options: ['rbind', 'ro', 'rw', 'nosuid'],
        },
        { destination: '/t', type: 'tmpfs', options: ['size=64k', 'noexec', 'defaults'] },
      ],
    },
    'cat /data/file; echo more >/data/new && df -k /t | tail -n 1 | tr -s " " | cut -d" " -f2; ! grep noexec /proc/mounts',
    'shared\n64\n',
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
