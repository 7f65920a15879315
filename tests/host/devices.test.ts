/** What devices a container can open: `--device`, and the kernel's filter of its cgroup. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeviceRule } from '../../src/spec/spec.ts';
import { type Attempt, anyRules, permits } from '../unit/device-rules.ts';
import { openDescriptors, request, runContainer } from './library.ts';
import { eachLeavesNothing, program, shell, starter, tsbox } from './tsbox.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
  const nodes = join(scratch, 'nodes');
  mkdirSync(nodes);
  // The file system of temporary files may be nodev.
  run('mount', '-t', 'tmpfs', '-o', 'dev', 'tsbox-test', nodes);
  for (const { type, major, minor } of attempts)
    run(
      'sh',
      '-c',
      `[ -e "$1" ] || mknod "$@"`,
      'sh',
      nodeOf(type, major, minor),
      type,
      `${major}`,
      `${minor}`,
    );
  run('mknod', nodeOf('c', 1, 7), 'c', '1', '7');
  // Devices of a directory are those in it, not what a link in it leads to.
  symlinkSync('/dev', nodeOf('elsewhere'));
  const source = new URL('device-probe.c', import.meta.url).pathname;
  run('chown', '-hR', `${starter.user}:${starter.user}`, scratch);
  run('gcc', '-static', '-O1', '-Wall', '-Werror', '-o', join(scratch, 'probe'), source);
});
afterAll(() => {
  run('umount', join(scratch, 'nodes'));
  rmSync(scratch, { recursive: true });
});
eachLeavesNothing();

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' });
}
const nodeOf = (...name: (string | number)[]) => join(scratch, 'nodes', name.join('-'));

/** Numbers of null, zero, the terminals and what the kernel keeps for experiments: nothing is behind those. */
const numbers = [1, 3, 5, 136, 240, 241];
const attempts: Attempt[] = [
  ['c', 1, 3],
  ['c', 1, 5],
  ['c', 5, 241],
  ['c', 136, 240],
  ['c', 240, 1],
  ['b', 240, 1],
  ['b', 241, 3],
].flatMap(([type, major, minor]) =>
  ['r', 'w', 'rw', 'm'].map((access) => ({ type, major, minor, access }) as Attempt),
);

/** What the kernel says to each attempt, in a box with these rules beside those of every box. */
async function verdicts(rules: readonly DeviceRule[]): Promise<string> {
  const words = attempts.map(({ type, major, minor, access }) =>
    [type, major, minor, access].join(':'),
  );
  const box = request(['/probe/probe', '/probe/result', '/nodes', ...words], { userns: 'host' });
  const bind = { type: 'bind', options: ['bind', 'nosuid'] } as const;
  const spec = {
    ...box.spec,
    mounts: [
      ...box.spec.mounts,
      { ...bind, source: scratch, destination: '/probe' },
      { ...bind, source: join(scratch, 'nodes'), destination: '/nodes' },
    ],
    linux: { ...box.spec.linux, resources: { devices: rules } },
  };
  expect(await runContainer({ ...box, spec })).toEqual({ kind: 'exited', code: 0 });
  return readFileSync(join(scratch, 'result'), 'latin1');
}

/** What a box may use without being given anything (src/spec/defaults.ts), behind its own rules. */
const defaults: DeviceRule[] = [
  { allow: true, access: 'm' },
  ...[3, 5].map((minor) => ({ allow: true, type: 'c', major: 1, minor }) as const),
  { allow: true, type: 'c', major: 136 },
];

const rules = () => {
  test('the kernel allows what the rules allow, and nothing else', async () => {
    const before = openDescriptors();
    await fc.assert(
      fc.asyncProperty(anyRules(numbers), async (rules) => {
        const expected = attempts.map((each) =>
          permits([...rules, ...defaults], each) ? 'y' : 'n',
        );
        expect(await verdicts(rules)).toBe(expected.join(''));
      }),
      { numRuns: 60 },
    );
    expect(openDescriptors()).toBeLessThanOrEqual(before + 2);
  });

  test('as many rules as anybody has', async () => {
    const rules = Array.from(
      { length: 500 },
      (_, minor) => ({ allow: true, type: 'b', major: 240, minor }) as const,
    );
    const expected = attempts.map((each) => (permits([...rules, ...defaults], each) ? 'y' : 'n'));
    expect(await verdicts(rules)).toBe(expected.join(''));
  });
};

/** A user’s box has no filter of devices but in a cgroup of the user’s: what it is refused is told below. */
if (starter.user === 0) describe('rules of a specification', rules);

test('--device: a device at another place, with its mode and owner, which stay as they are', () => {
  // Not one of the host's own: a box that could change it would do so here.
  const full = nodeOf('c', 1, 7);
  run('chmod', '640', full);
  const { stdout, stderr } = shell(
    'ls -l /dev/mine /opt/a/b | cut -c1-10; echo x > /opt/a/b; chmod 600 /dev/mine; rm /dev/mine',
    ...['--device', `${full}:/dev/mine`, '--device', `${full}:/opt/a/b`],
  );
  expect(stdout).toBe('crw-r-----\ncrw-r-----\n');
  expect(stderr).toContain('No space left on device');
  expect(stderr).toContain('Read-only file system');
  expect(stderr).toContain('resource busy');
  expect(statSync(full).mode & 0o777).toBe(0o640);
});

test('--device with a directory: all devices in it', () => {
  const { stdout } = shell('ls /n', '--device', `${join(scratch, 'nodes')}:/n`);
  expect(stdout.split('\n').filter(Boolean)).toHaveLength(8);
});

const givenIds =
  starter.user === 0
    ? 'tsbox: root of this box is root of the host: --device: only the host’s root has the rights of its devices\n'
    : '';

test('--device /dev/null: what every box has can be asked for', () => {
  const result = shell('echo x > /dev/null && ls -l /dev | grep -c null', '--device', '/dev/null');
  expect(result).toEqual({ status: 0, stdout: '1\n', stderr: givenIds });
});

/** A user’s box can be given a device, and without a cgroup that belongs to the user no part of it. */
const noCgroup =
  /^tsbox: --device \/n: its access needs a cgroup that belongs to you, and none around this process does \(/;
const noDevice = /\/n: No such device or address\n[\s\S]*mknod: \/t\/m: Operation not permitted\n/;

test.each([
  ['', 'rw'],
  [':r', 'r'],
  [':w', 'w'],
])('--device NODE%s: %s, and nothing of its neighbour', (access, allowed) => {
  const script = '(: < /n) && echo r; (: > /n) && echo w; mknod /t/m c 240 3; : < /t/m';
  const node = nodeOf('c', 240, 1);
  const flags = ['--userns=host', '--device', `${node}:/n${access}`, '--tmpfs', '/t:dev'];
  const { stderr } = shell(script, ...flags);
  if (starter.user !== 0) return expect(stderr).toMatch(access === '' ? noDevice : noCgroup);
  const refused = stderr.split('\n').filter((line) => line.includes('Operation not permitted'));
  expect(refused.filter((line) => line.includes('/n'))).toHaveLength(2 - allowed.length);
  expect(refused.filter((line) => line.includes('/t/m'))).toHaveLength(1);
});

test('where no filter can be had, what needs none goes without, and the rest is refused', () => {
  if (starter.user !== 0) {
    const refused = shell('true', '--device', `${nodeOf('c', 240, 1)}:/n:r`);
    expect(refused.stderr).toMatch(noCgroup);
    for (const flags of [[], ['--device', `${nodeOf('c', 240, 1)}:/n`], ['--tmpfs', '/t:dev']])
      expect(shell('true', ...flags)).toEqual({ status: 0, stdout: '', stderr: '' });
    return;
  }
  // In a user namespace root may make cgroups that root made, but not load eBPF.
  const refusal = (...flags: string[]) =>
    tsbox(['run', ...flags, 'busybox', '--', 'true'], '', process.env, ['unshare', '-rm', program])
      .stderr;
  const denied =
    /^tsbox: filter_devices failed: bpf: EPERM[\s\S]*cause: .* tsbox runs in a user namespace/;
  expect(refusal('--device', `${nodeOf('c', 240, 1)}:/n:r`)).toMatch(denied);
  expect(refusal('--userns=host', '--tmpfs', '/t:dev')).toMatch(denied);
  for (const flags of [[], ['--device', `${nodeOf('c', 240, 1)}:/n`]])
    expect(refusal(...flags)).not.toContain('filter_devices');
});

test('root in the box cannot open a disk of the host through a node that it makes', () => {
  const script = 'mknod $0/d b 7 0 && : < $0/d';
  const inside = (place: string, ...flags: string[]) =>
    shell(script.replaceAll('$0', place), ...flags).stderr;
  const none = 'mknod: $0/d: Operation not permitted\n';
  if (starter.user !== 0)
    return expect(inside('/t', '--tmpfs', '/t:dev')).toBe(none.replace('$0', '/t'));
  // Here no file system may have devices …
  expect(inside('/tmp', '--userns=host')).toMatch(/\/tmp\/d: Permission denied\n$/);
  // … and here one may: the filter is left.
  expect(inside('/t', '--userns=host', '--tmpfs', '/t:dev')).toMatch(
    /\/t\/d: Operation not permitted\n$/,
  );
  // Root of a user namespace makes none in the first place.
  expect(inside('/tmp')).toBe(none.replace('$0', '/tmp'));
});

function hostFiles(): string {
  const script = 'ls -la /etc; md5sum /etc/hostname; ls -d /tmp/y /etc/y /no 2>&1 || true';
  return run('sh', '-c', script);
}

test.each([
  ['a link to a file of the host', '/etc/hostname', '/opt/x'],
  ['a link to nothing', '/no/such', '/opt/x'],
  ['a link above it', '/etc', '/opt/x/y/z'],
  ['a link out of the image', '../../../../../../tmp', '/opt/x/y'],
])('an image with %s at the place of a device: the host is not touched', (_, target, place) => {
  const rootfs = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
  run('cp', '-a', `${starter.image}/.`, rootfs);
  symlinkSync(target, join(rootfs, 'opt/x'));
  const before = hostFiles();
  tsbox(['run', '--writable', '--rootfs', rootfs, '--device', `/dev/full:${place}`, '--', 'true']);
  expect(hostFiles()).toBe(before);
  rmSync(rootfs, { recursive: true });
});

test.each([
  ['/etc/passwd/x', /^tsbox: openat2 failed: ENOTDIR/],
  ['/etc', /^tsbox: move_mount failed: [\s\S]*what to do: \/etc must be a file of the image/],
])('a device at %s is refused with the reason', (place, message) => {
  const result = shell('true', '--userns=host', '--device', `/dev/null:${place}`);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(message);
});
