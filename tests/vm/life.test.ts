/** The same workload in a micro-VM: streams, exit status, signals, and that nothing is left. */
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { eachLeavesNothing, started, tsbox } from '../host/tsbox.ts';

const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

eachLeavesNothing();

const vm = (script: string, flags: readonly string[] = [], input: string | Buffer = '') => {
  const result = tsbox(['run', '--vm', '-i', ...flags, 'busybox', '--', 'sh', '-c', script], input);
  return { ...result, stderr: withoutNote(result.stderr) };
};

/** On a host whose KVM does not work tsbox says so, in one line. */
function withoutNote(stderr: string): string {
  return stderr.replace(/^tsbox: KVM is not used .*\n/, '');
}

test('standard output and error are apart, and the exit status is the workload’s', () => {
  expect(vm('echo out; echo err >&2; exit 7')).toEqual({
    status: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

test('the workload finds what the flags say', () => {
  const script =
    'hostname; id -u; id -g; pwd; echo $A; umask; ulimit -n; echo $$; cat /proc/sys/kernel/osrelease';
  const flags = ['--hostname', 'teapot', '-u', '1000:100', '-w', '/tmp', '-e', 'A=b c'];
  const { stdout, stderr } = vm(script, [...flags, '--umask', '077', '--ulimit', 'nofile=99']);
  const host = readFileSync('/proc/sys/kernel/osrelease', 'utf8');
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^teapot\n1000\n100\n\/tmp\nb c\n0077\n99\n1\n/);
  expect(stdout).not.toContain(host);
});

test('it has the privileges of a container, and devices of its own alone', () => {
  const { stdout } = vm(
    'cat /proc/self/status; ls /sys/class/net /dev; echo 1 >/proc/sys/kernel/panic',
  );
  expect(stdout).toMatch(/^NoNewPrivs:\t1$/m);
  for (const set of ['CapPrm', 'CapEff', 'CapBnd'])
    expect(stdout).toContain(`${set}:\t00000000a80425fb`);
  expect(stdout).toMatch(/\/sys\/class\/net:\nlo\n/);
  expect(stdout).not.toContain('vport');
});

test('--pids-limit is kept by the guest, out of the box’s sight', () => {
  const script =
    'cat /proc/self/cgroup; find /sys/fs/cgroup -type d; sleep 9 & sleep 9 & echo three; sleep 9 & echo four';
  const { status, stdout, stderr } = vm(script, ['--pids-limit', '3']);
  expect(stdout).toBe('0::/\n/sys/fs/cgroup\nthree\n');
  expect(stderr).toContain("can't fork");
  expect(status).not.toBe(0);
});

test('-m and --cpus are the size of the machine', () => {
  const { stdout } = vm('grep MemTotal /proc/meminfo; grep -c ^processor /proc/cpuinfo', [
    ...['-m', '128m', '--cpus', '1.5'],
  ]);
  const [, kilobytes = 0, processors] = /MemTotal: +(\d+) kB\n(\d+)/.exec(stdout) ?? [];
  expect(Number(kilobytes)).toBeGreaterThan(64 * 1024);
  expect(Number(kilobytes)).toBeLessThan(128 * 1024);
  expect(processors).toBe('2');
});

test('10 MB of standard input come through unharmed', () => {
  const data = randomBytes(7_500_000).toString('base64');
  const { stdout, status } = vm('cat', [], data);
  expect(status).toBe(0);
  expect(stdout === data).toBe(true);
});

test('standard input that the workload does not read is no hindrance', () => {
  expect(vm('exit 3', [], randomBytes(2_000_000)).status).toBe(3);
});

test.each([
  ['of a program that a signal ended', 'sh -c "kill -KILL \\$\\$"; exit $?', 137],
  ['a command that is not there', 'exec no-such-command', 127],
])('exit status: %s', (_, script, status) => {
  expect(vm(script).status).toBe(status);
});

test.each([
  [['no-such-command'], 127, 'command not found: no-such-command'],
  [['/etc/passwd'], 126, 'cannot execute /etc/passwd: EACCES'],
])('%s is named as in a container', (words, status, message) => {
  const result = tsbox(['run', '--vm', 'busybox', '--', ...words]);
  expect(result).toMatchObject({ status, stdout: '' });
  expect(result.stderr).toContain(message);
});

test('volumes: what is written reaches the host, except with :ro', () => {
  writeFileSync(join(scratch, 'from-host'), 'hello');
  const writable = vm('cat /v/from-host; echo back > /v/from-box', ['-v', `${scratch}:/v`]);
  expect(writable).toMatchObject({ status: 0, stdout: 'hello', stderr: '' });
  expect(readFileSync(join(scratch, 'from-box'), 'utf8')).toBe('back\n');
  expect(vm('echo no > /v/from-box', ['-v', `${scratch}:/v:ro`]).stderr).toContain('Read-only');
  expect(readFileSync(join(scratch, 'from-box'), 'utf8')).toBe('back\n');
});

test('an image too large to travel in memory is served, and stays as it is', () => {
  const image = join(scratch, 'image');
  cpSync(join(dataDirectory(process.env, 0), 'images/busybox'), image, {
    recursive: true,
    verbatimSymlinks: true,
  });
  writeFileSync(join(image, 'large'), randomBytes(20_000_000));
  const script = 'echo x >/etc/new && cat /etc/new && md5sum /large; grep " / " /proc/mounts';
  const words = ['run', '--vm', '--rootfs', image, '--', 'sh', '-c', script];
  const { status, stdout } = tsbox(words);
  const sum = createHash('md5')
    .update(readFileSync(join(image, 'large')))
    .digest('hex');
  expect(status).toBe(0);
  expect(stdout).toMatch(new RegExp(`^x\\n${sum}  /large\\n\\S+ / overlay `));
  expect(existsSync(join(image, 'etc/new'))).toBe(false);
  const writable = ['run', '--vm', '--writable', '--rootfs', image, '--', 'touch', '/etc/new'];
  expect(tsbox(writable).status).toBe(0);
  expect(existsSync(join(image, 'etc/new'))).toBe(true);
});

test.each(['SIGTERM', 'SIGINT', 'SIGUSR1'] as const)('%s reaches the workload', async (signal) => {
  const script = `trap "exit 42" ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
  const words = ['run', '--vm', 'busybox', '--', 'sh', '-c', script];
  const { child, ended } = await started(words, 'ready');
  child.kill(signal);
  expect(await ended).toEqual({ code: 42, signal: null });
});

test('a tsbox that is killed takes its machine along, and the next run removes the rest', async () => {
  const words = ['run', '--vm', 'busybox', '--', 'sh', '-c', 'echo ready; sleep 1000'];
  const { child, ended } = await started(words, 'ready');
  child.kill('SIGKILL');
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(vm('true').status).toBe(0);
});

test('several runs leave nothing', () => {
  for (let run = 0; run < 5; run++) expect(vm('exit 5').status).toBe(5);
});
