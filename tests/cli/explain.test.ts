/** `tsbox explain`: what it prints is what `run` does, and it does nothing. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { started, traces, tsbox } from '../host/tsbox.ts';
import { expectNothingLeft, newDirectory, nobody, tsboxFor } from './caller.ts';
import { compareWithPlan, explain, type Phase, readPlan, withoutExcuse } from './plan.ts';

const plain = ['busybox', '--', 'true'];
const ofAnybody = [
  ...['--read-only', '--hostname', 'teapot', '-w', '/tmp', '--cap-drop', 'CHOWN'],
  ...['-v', '/etc:/v:ro', '--tmpfs', '/t', '--ulimit', 'nofile=64', '--umask', '077', '-e', 'A=b'],
  ...['--cap-add', 'SYS_ADMIN', '--oom-score-adj', '9'],
  ...plain,
];
const everything = ['--userns=auto', '-u', '1000:1000', ...ofAnybody];

describe('explain needs no root', () => {
  test.each([
    ['a plain box', plain],
    ['a box with many options', ofAnybody],
  ])("and prints the plan of the caller's own box: %s", (_, words) => {
    const { status, stdout, stderr } = tsboxFor(nobody, ['explain', ...words]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('uid_map", "0 65534 1\\n")');
    expect(tsbox(['explain', ...words]).stdout).not.toContain('65534');
  });

  // The image has a /root that is root's alone.
  test('nor does explain --vm', () => {
    const { status, stdout, stderr } = tsboxFor(nobody, ['explain', '--vm', ...plain]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('qemu-system-');
  });
});

describe('explain tells why', () => {
  const inTmp = explain('--userns=host', '-w', '/tmp', ...plain);

  test.each([
    ['a container', plain],
    ['with options', everything],
  ])('every call is made: %s', (_, words) => {
    const calls = readPlan(tsbox(['explain', ...words]).stdout);
    expect(calls.length).toBeGreaterThan(200);
    expect(calls.filter(({ why }) => why.length < 5)).toEqual([]);
  });

  test('in sections by what they isolate, in the order of the work', () => {
    const { stdout } = tsbox(['explain', ...plain]);
    expect(stdout.match(/^#.*$/gm)).toEqual([
      '# tsbox prepares, on the host',
      '# tsbox makes the process, in namespaces of its own',
      '# tsbox, while the new process waits',
      expect.stringMatching(/^# The new process: \d+ system calls/),
      '## Process',
      '## Host files',
      '## User namespace',
      '## Apart from other processes',
      '## Root file system',
      '## Mounts',
      '## Masked and read-only paths',
      '## Change of root',
      '## Host name',
      '## Network',
      '## Landlock',
      '## Resource limits',
      '## User and capabilities',
      '## Workload',
      '# tsbox, when the workload has ended',
    ]);
  });

  test.each([
    ['Host name', /^sethostname/],
    ['Network', /SIOCSIFFLAGS/],
    ['Change of root', /^pivot_root|^umount2/],
    ['User and capabilities', /^capset|PR_CAPBSET_DROP|^setres[ug]id|^setgroups|NO_NEW_PRIVS/],
    ['Masked and read-only paths', /^openat2\(mount\d+, "(kcore|sys|keys)"/],
    ['Mounts', /^fsopen\("(proc|sysfs|mqueue|devpts)"/],
    ['Workload', /^execve|^chdir\("\/tmp"|^close_range/],
  ])('%s has the calls for it, and no other section has', (section, pattern) => {
    const calls = inTmp.filter(({ call }) => pattern.test(call));
    expect(new Set(calls.map((each) => each.section))).toEqual(new Set([section]));
  });

  test('the number of system calls in the heading is that of the calls below it', () => {
    const { stdout } = tsbox(['explain', ...plain]);
    const [, number] = /^# The new process: (\d+) system calls/m.exec(stdout) ?? [];
    const [, child = ''] = /^# The new process:.*\n([\s\S]*)^# tsbox, when/m.exec(stdout) ?? [];
    expect(readPlan(child)).toHaveLength(Number(number));
  });
});

describe('what explain prints is what run does', () => {
  test.each([
    ['a plain box', plain],
    ['a box with many options', everything],
    ['a writable image', ['--writable', ...plain]],
  ])('the same system calls in the same order: %s', (_, words) => {
    const made = stepsOfRun(words);
    const planned = explain(...words).filter(({ section }) => !/^tsbox/.test(section));
    const { skipped, unplanned } = compareWithPlan(planned, made);
    expect(unplanned).toEqual([]);
    expect(withoutExcuse(planned, skipped)).toEqual([]);
    expect(made.length).toBeGreaterThan(planned.length * 0.8);
  });

  test('another plan would be noticed', () => {
    const planned = explain('--hostname', 'teapot', ...plain);
    const { unplanned } = compareWithPlan(planned, stepsOfRun(plain));
    expect(unplanned[0]).toBe('sethostname("tsbox", 5)');
  });

  test.each([
    ['a plain box', []],
    ['--userns=auto', ['--userns=auto']],
  ])('the same namespaces, cgroup and id maps: %s', async (_, flags) => {
    const loop = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.02; done';
    const words = [...flags, 'busybox', '--', 'sh', '-c', loop];
    const planned = explain(...words);
    const { child, ended } = await started(['run', ...words], 'ready');
    const pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    const seen = {
      namespaces: namespaces.filter(([kind]) => isOwn(kind, pid)).map(([, flag]) => flag),
      cgroup: /^0::\/tsbox\/[0-9a-f]+\/box$/m.test(readFileSync(`/proc/${pid}/cgroup`, 'utf8')),
      map: readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/),
    };
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
    const clone = planned.find(({ call }) => call.startsWith('clone3('))?.call ?? '';
    expect(new Set(seen.namespaces)).toEqual(new Set(clone.match(/CLONE_NEW\w+/g)));
    expect(seen.cgroup).toBe(
      planned.some(({ call }) => /^mkdir\(".*\/tsbox\/ID\/box"\)$/.test(call)),
    );
    const map = planned.find(({ call }) => call.includes('/uid_map"'))?.call;
    if (map === undefined) expect(seen.map).toEqual(['0', '0', '4294967295']);
    else expect(map).toBe(`write("/proc/$PID/uid_map", "${seen.map.join(' ')}\\n")`);
  });
});

test.each([
  ['a container', []],
  ['a micro-VM', ['--vm']],
])('explain makes nothing: %s', async (_, flags) => {
  const directory = newDirectory();
  const before = traces();
  const words = [...flags, '-v', `${directory}:/v`, 'busybox', '--', 'touch', '/v/mark'];
  expect(tsbox(['explain', ...words]).status).toBe(0);
  expect(readdirSync(directory)).toEqual([]);
  await expectNothingLeft(before);
});

const namespaces = [
  ['pid', 'CLONE_NEWPID'],
  ['mnt', 'CLONE_NEWNS'],
  ['uts', 'CLONE_NEWUTS'],
  ['ipc', 'CLONE_NEWIPC'],
  ['net', 'CLONE_NEWNET'],
  ['cgroup', 'CLONE_NEWCGROUP'],
  ['user', 'CLONE_NEWUSER'],
] as const;

function isOwn(kind: string, pid: string): boolean {
  return readlinkSync(`/proc/${pid}/ns/${kind}`) !== readlinkSync(`/proc/self/ns/${kind}`);
}

function stepsOfRun(words: readonly string[]): readonly Phase[] {
  const directory = newDirectory();
  const file = join(directory, 'timing');
  expect(tsbox(['run', '--timing=json', '--timing-file', file, ...words]).status).toBe(0);
  const { phases }: { phases: Phase[] } = JSON.parse(readFileSync(file, 'utf8'));
  return phases.find(({ name }) => name === 'steps')?.parts ?? [];
}
