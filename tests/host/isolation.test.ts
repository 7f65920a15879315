/** What a container is isolated from, seen from inside it. */
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shell, starter, through, tsbox } from './tsbox.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
  chownSync(scratch, starter.user, starter.user);
});
afterEach(() => rmSync(scratch, { recursive: true }));

test.each(['pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup'])('the %s namespace is its own', (kind) => {
  const inside = shell(`readlink /proc/self/ns/${kind}`).stdout.trim();
  expect(inside).toMatch(new RegExp(`^${kind}:\\[\\d+\\]$`));
  expect(inside).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
});

test('the workload is process 1 and sees no other', () => {
  expect(shell('echo $$; ls -d /proc/[0-9]*').stdout).toMatch(/^1\n\/proc\/1\n(\/proc\/\d+\n)?$/);
});

test('the host name is its own', () => {
  expect(shell('hostname').stdout).toBe('tsbox\n');
  expect(shell('hostname', '--hostname', 'teapot.example').stdout).toBe('teapot.example\n');
  expect(hostname()).not.toBe('teapot.example');
});

test('loopback is up and the only interface', () => {
  expect(
    shell('ls /sys/class/net; ping -c 1 127.0.0.1 | grep -c "1 packets received"').stdout,
  ).toBe('lo\n1\n');
});

test('what is written vanishes and the image stays as it is', () => {
  expect(shell('echo x > /etc/new && cat /etc/new').stdout).toBe('x\n');
  expect(shell('cat /etc/new').status).toBe(1);
});

test('--read-only: the root file system cannot be changed, a --tmpfs can', () => {
  const { stdout, status } = shell('touch /a; touch /t/a && ls /t', '--read-only', '--tmpfs', '/t');
  expect({ stdout, status }).toEqual({ stdout: 'a\n', status: 0 });
});

test('volumes: what is written reaches the host, except with :ro', () => {
  writeFileSync(join(scratch, 'from-host'), 'hello');
  expect(shell('cat /v/from-host; echo back > /v/from-box', '-v', `${scratch}:/v`).stdout).toBe(
    'hello',
  );
  expect(readFileSync(join(scratch, 'from-box'), 'utf8')).toBe('back\n');
  expect(shell('echo no > /v/from-box', '-v', `${scratch}:/v:ro`).stderr).toContain('Read-only');
  expect(readFileSync(join(scratch, 'from-box'), 'utf8')).toBe('back\n');
});

test("an image's links do not lead a volume to the host's files", () => {
  const rootfs = join(scratch, 'image');
  const outside = join(scratch, 'outside');
  for (const directory of [rootfs, outside]) shellOnHost(`mkdir -p ${directory}`);
  shellOnHost(`cp -a ${starter.image}/. ${rootfs}`);
  symlinkSync(outside, join(rootfs, 'link'));
  const args = ['run', '--rootfs', rootfs, '-v', '/etc:/link/deep', '--', 'ls', '/'];
  tsbox(args);
  expect(shellOnHost(`ls ${outside}`)).toBe('');
});

test('a link of the image to /proc does not lead a volume there', () => {
  const rootfs = join(scratch, 'image');
  shellOnHost(`mkdir ${rootfs} && cp -a ${starter.image}/. ${rootfs}`);
  symlinkSync('/proc', join(rootfs, 'x'));
  const result = tsbox(['run', '--rootfs', rootfs, '-v', '/etc:/x', '--', 'ls', '/proc/self']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toContain('openat2 failed: EXDEV');
});

test('a volume inside another is mounted after it, whichever flag comes first', () => {
  shellOnHost(`mkdir -p ${scratch}/outer/in ${scratch}/inner; touch ${scratch}/inner/found`);
  const flags = ['-v', `${scratch}/inner:/m/in`, '-v', `${scratch}/outer:/m`];
  expect(shell('ls /m/in', ...flags).stdout).toBe('found\n');
});

test("the caller's umask does not reach the root file system", () => {
  const words = ['run', 'busybox', '--', 'stat', '-c', '%a', '/'];
  const by = through('sh', '-c', 'umask 077; exec "$0" "$@"');
  expect(tsbox(words, '', process.env, by).stdout).toBe('755\n');
});

test('masked paths are empty, read-only ones cannot be written', () => {
  expect(shell('cat /proc/interrupts /proc/keys | wc -c; ls /sys/firmware').stdout).toBe('0\n');
  expect(shell('echo 1 > /proc/sys/kernel/panic').stderr).toContain('Read-only file system');
});

test('no device but those of /dev can be opened, and the nodes of the host stay as they are', () => {
  const before = statSync('/dev/null').mode;
  const make = 'mknod /tmp/a c 1 3 && cat /tmp/a; mknod /dev/a c 1 3 && cat /dev/a';
  const change = 'chmod 600 /dev/null; chmod 600 /proc/kcore; chown 1 /dev/zero';
  const use = 'echo x > /dev/null && head -c 5 /dev/zero | wc -c';
  const { stdout, stderr } = shell(`${make}; ${change}; ${use}`);
  expect(stdout).toBe('5\n');
  expect(
    stderr.match(/^(mknod|cat): .*(Permission denied|Operation not permitted)$/gm),
  ).toHaveLength(2);
  expect(stderr.match(/Read-only file system/g)?.length).toBeGreaterThanOrEqual(2);
  expect(statSync('/dev/null').mode).toBe(before);
});

test('no privilege beyond the default set, and none to be gained', () => {
  const status = shell('cat /proc/self/status').stdout;
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
    expect(status).toContain(`${set}:\t00000000a80425fb`);
  for (const set of ['CapInh', 'CapAmb']) expect(status).toContain(`${set}:\t0000000000000000`);
});

test('a user other than root has no capability', () => {
  const result = shell('id -u; grep CapEff /proc/self/status', '-u', '1000:1000');
  if (starter.ids === 'one') expect(result.stderr).toContain('the box has no user with id 1000');
  else expect(result.stdout).toBe('1000\nCapEff:\t0000000000000000\n');
});

test('no descriptor of the host is left', () => {
  expect(shell('ls /proc/1/fd; true').stdout).toBe('0\n1\n2\n');
});

test('root inside, nobody outside, or the one who started it', () => {
  const { stdout, stderr } = shell('id -u; cat /proc/self/uid_map; stat -c %u /bin; touch /x');
  // Files of an image cannot be mapped without the calls that work on descriptors.
  const unmapped =
    'tsbox: root of this box is root of the host: mount_setattr(2), which maps the owners of files, is missing (Linux 5.12) or forbidden\n';
  const maps = {
    all: /^0\n +0 +[1-9]\d* +65536\n0\n$/,
    none: /^0\n +0 +0 +4294967295\n0\n$/,
    one: new RegExp(`^0\\n +0 +${starter.user} +1\\n0\\n$`),
    subordinate: new RegExp(`^0\\n +0 +${starter.user} +1\\n +1 +700000 +65536\\n0\\n$`),
  };
  expect(stderr).toBe(starter.ids === 'none' ? unmapped : '');
  expect(stdout).toMatch(maps[starter.ids]);
});

function shellOnHost(script: string): string {
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' });
}
