/**
 * Generated configurations on the real kernel: each box runs, or is refused in tsbox's own words, and
 * nothing is left of it. HOSTILE_CONFIGS of them; of one that fails, the least is shown with the seed:
 * HOSTILE_SEED=N makes it again.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bundleDirectory, config, type Json, run } from '../host/bundle.ts';
import { eachLeavesNothing, type Result, traces } from '../host/tsbox.ts';
import { anyConfig, type Words, wordsIn } from '../unit/any-config.ts';
import { problemsOf } from '../unit/problems.ts';
import { readText, textOf } from '../unit/whole-config.ts';
import { firstSeed, tally } from './generated.ts';

const { HOSTILE_CONFIGS } = process.env;
const count = Number(HOSTILE_CONFIGS ?? 120);
const seed = firstSeed(HOSTILE_CONFIGS);

mkdirSync(join(bundleDirectory, 'data'));
writeFileSync(join(bundleDirectory, 'data/file'), 'data\n');

const hook = { path: '/bin/true', args: ['true'], env: ['A=1'], timeout: 10 };
const namespaces = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup', 'time'];

/** Runs as it is. Whatever it is changed into, it does no more to the host than to look at it. */
const base = config({
  hostname: 'teapot',
  domainname: 'kitchen',
  process: {
    consoleSize: { height: 24, width: 80 },
    user: { uid: 0, gid: 0, umask: 0o22, additionalGids: [8, 9] },
    rlimits: [{ type: 'RLIMIT_CORE', soft: 1, hard: 1 }],
    oomScoreAdj: 5,
    ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
    scheduler: { policy: 'SCHED_OTHER', nice: 1 },
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance'] },
    { destination: '/data', type: 'none', source: 'data', options: ['rbind', 'ro'] },
  ],
  hooks: { createRuntime: [hook], createContainer: [hook], poststart: [hook], poststop: [hook] },
  annotations: { 'com.example.key': 'value' },
  linux: {
    namespaces: namespaces.map((type) => ({ type })),
    timeOffsets: { boottime: { secs: 5, nanosecs: 7 } },
    resources: { devices: [{ allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }] },
    rootfsPropagation: 'private',
    seccomp: {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', args: [] }],
    },
    sysctl: { 'net.ipv4.ip_forward': '1', 'kernel.sem': '1 2 3 4' },
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    personality: { domain: 'LINUX' },
  },
});

/** Without what a guest has not. */
const { hooks: _, ...forGuests } = base;
const ofMachine = {
  ...forGuests,
  linux: {
    ...(base.linux as Json),
    namespaces: namespaces.slice(0, -1).map((type) => ({ type })),
    timeOffsets: {},
  },
};

const more: Readonly<Record<string, readonly string[]>> = {
  'process.args[]': ['/bin/true', 'true', '/bin/false', '/bin', '/nowhere'],
  'process.cwd': ['/', '/data', '/nowhere', '/etc/passwd'],
  'process.env[]': ['PATH=/bin', 'PATH=', 'A=1', 'HOME=/'],
  'process.capabilities.bounding[]': ['CAP_KILL', 'CAP_SYS_TIME', 'CAP_NEW'],
  'process.rlimits[].type': ['NOFILE', 'AS', 'CPU', 'FSIZE', 'NPROC', 'STACK'].map(
    (name) => `RLIMIT_${name}`,
  ),
  'process.scheduler.policy': ['SCHED_BATCH', 'SCHED_FIFO', 'SCHED_DEADLINE'],
  'mounts[].destination': ['/new/place', 'relative', '/etc/passwd', '/dev/null', '/etc/../..', '/'],
  'mounts[].type': ['sysfs', 'mqueue', 'cgroup', 'bind', 'xfs'],
  'mounts[].source': ['data/file', 'nowhere', '.'],
  'mounts[].options[]': ['nosuid', 'noexec', 'size=64k', 'mode=9', 'bind', 'rw', 'shared', 'idmap'],
  'hooks.createRuntime[].path': ['/bin/false', '/nowhere', '/etc/passwd'],
  'hooks.startContainer[].path': ['/bin/true', '/bin/false', '/nowhere'],
  'hooks.poststop[].path': ['/bin/false', '/nowhere'],
  'linux.namespaces[].path': ['/proc/self/ns/net', '/proc/self/ns/cgroup', '/nowhere', '/etc'],
  'linux.devices[].path': ['/dev/fuse', '/dev/net/tun', '/dev/nowhere', '/dev/null'],
  'linux.sysctl{}': ['net.ipv4.no_such', 'net/ipv4/conf/lo/forwarding', 'vm.swappiness'],
  'linux.maskedPaths[]': ['/etc', '/etc/passwd', '/nowhere', '/'],
  'linux.readonlyPaths[]': ['/etc', '/nowhere', '/dev'],
  'linux.memoryPolicy.mode': ['MPOL_BIND', 'MPOL_DEFAULT', 'MPOL_LOCAL'],
  'linux.memoryPolicy.nodes': ['0', '0-1', '1023'],
  'linux.seccomp.syscalls[].names[]': ['execve', 'exit_group', 'write', 'no_such_call'],
};

const own = wordsIn(base);
const words: Words = (field) => [...own(field), ...(more[field] ?? [])];

eachLeavesNothing();

/** What is wrong with how it ended; none of the workloads has an exit status of tsbox's own. */
function wrong({ status, stderr }: Result): string[] {
  const lines = stderr.split('\n').filter((line) => line !== '');
  const isOwn = status === 125 || status === 126 || status === 127;
  return [
    ...(status === null ? ['it hung'] : []),
    ...(isOwn && !lines.some((line) => line.startsWith('tsbox: ')) ? ['no word of why'] : []),
    ...(isOwn || status === 0 || status === 1 || (status ?? 0) > 128 ? [] : [`status ${status}`]),
    ...lines.filter((line) => !/^(tsbox: | {2}\S)/.test(line)),
    ...lines.filter((line) => /^ +at |fault of tsbox|undefined|\[object|Error:/.test(line)),
  ];
}

/** What it comes to, to be counted. */
function kindOf({ status, stderr }: Result): string {
  if (status !== 125) return `status ${status}`;
  return stderr.replace(/^tsbox: (\S*config-\d+\.json: )?/, '').split(/[:[({]/)[0] ?? '';
}

test('the configurations that are changed run', () => {
  expect(run(base)).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(run(ofMachine, '--vm')).toMatchObject({ status: 0, stdout: '' });
});

const any = anyConfig(base, words, 3);
/** Those that are refused without a look at the host are for tests/unit/config-fuzz.test.ts. */
const isRead = (changed: unknown) => problemsOf(() => readText(textOf(changed))).length === 0;
const read = any.filter(isRead);
const machines = anyConfig(ofMachine, words, 3).filter(isRead);

test.each([
  { what: 'any', runs: Math.ceil(count / 5), configs: any, flags: [] },
  { what: 'what can be read', runs: count, configs: read, flags: [] },
  {
    what: 'the same in micro-VMs',
    runs: Math.ceil(count / 30),
    configs: machines,
    flags: ['--vm'],
  },
])('$runs generated configurations: $what', { timeout: 3_600_000 }, ({ runs, configs, flags }) => {
  const ends: string[] = [];
  fc.assert(
    fc.property(configs, (changed) => {
      const before = traces();
      const result = run(textOf(changed), ...flags);
      expect(wrong(result), JSON.stringify(result)).toEqual([]);
      expect(traces()).toEqual(before);
      ends.push(kindOf(result));
    }),
    { numRuns: runs, seed },
  );
  console.log(tally(ends));
  expect(runs < 20 || ends.filter((end) => end === 'status 0').length > runs / 10).toBe(true);
});
