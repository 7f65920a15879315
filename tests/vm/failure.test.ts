/** A micro-VM that does not come up, or breaks down: a clear error, exit status 125, and never a hang. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { eachLeavesNothing, program, type Result, tsbox } from '../host/tsbox.ts';

const data = dataDirectory(process.env, 0);
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

eachLeavesNothing();

/** A data directory with tsbox's images and this kernel. */
function dataWith(name: string, kernel: (directory: string) => void): string {
  const own = join(scratch, name);
  mkdirSync(join(own, 'kernels/current'), { recursive: true });
  symlinkSync(join(data, 'images'), join(own, 'images'));
  kernel(join(own, 'kernels/current'));
  return own;
}

function run(own: string, flags: readonly string[], words: readonly string[]): Result {
  const env = { ...process.env, TSBOX_DATA: own };
  return tsbox(['run', '--vm', ...flags, 'busybox', '--', ...words], '', env);
}

function expectFailure(result: Result, message: RegExp): void {
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(message);
  expect(result.stderr).not.toMatch(/^ +at /m);
}

test('a jail that cannot be made: the cause as proved', () => {
  const script = 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$0" "$@"';
  const by = ['unshare', '-Ur', 'sh', '-c', script, program];
  const result = tsbox(['run', '--vm', 'busybox', '--', 'true'], '', process.env, by);
  expectFailure(
    result,
    /clone3: ENOSPC[\s\S]*cause: a net namespace alone is refused: user.max_net_namespaces is 0\n/,
  );
});

test('standard output on a full disk ends it, and is told of', () => {
  const words = [
    'run',
    '--vm',
    '--network=none',
    'busybox',
    '--',
    'sh',
    '-c',
    'echo out; sleep 60',
  ];
  const by = ['sh', '-c', 'exec "$0" "$@" >/dev/full', program];
  expectFailure(
    tsbox(words, '', process.env, by),
    /^(tsbox: KVM is not .*\n)?tsbox: standard output cannot be written to: ENOSPC: .*: make room, or send it elsewhere\n$/,
  );
});

test('no kernel: where it is looked for, and how to get one', () => {
  const own = dataWith('none', () => undefined);
  expectFailure(run(own, [], ['true']), /no guest kernel in .*npm run setup/);
});

test('a file that is no kernel: what QEMU says of it', () => {
  const own = dataWith('text', (directory) => {
    writeFileSync(join(directory, 'vmlinux'), 'this is no kernel\n'.repeat(100));
  });
  expectFailure(run(own, [], ['true']), /did not come up[\s\S]*what to do/);
});

test('a kernel that only root may read', () => {
  const own = dataWith('secret', (directory) => {
    writeFileSync(join(directory, 'vmlinux'), 'this is no kernel\n', { mode: 0o600 });
  });
  expectFailure(run(own, [], ['true']), /vmlinux cannot be read by everybody[\s\S]*chmod a\+r/);
});

test('a kernel that panics: the end of its console', () => {
  const own = dataWith('panics', (directory) => {
    cpSync(join(data, 'kernels/current/vmlinux'), join(directory, 'vmlinux'));
    mkdirSync(join(directory, 'modules'));
    writeFileSync(join(directory, 'modules/modules.dep'), 'virtio_console.ko:\n');
    writeFileSync(join(directory, 'modules/virtio_console.ko'), 'this is no module');
  });
  expectFailure(
    run(own, [], ['true']),
    /did not come up[\s\S]*tsbox-init: state 1 step \d+ error \d+/,
  );
});

test('a kernel that is cut off never says hello', { timeout: 120_000 }, () => {
  const own = dataWith('cut', (directory) => {
    cpSync(join(data, 'kernels/current/vmlinux'), join(directory, 'vmlinux'));
    truncateSync(join(directory, 'vmlinux'), 4096);
  });
  expectFailure(run(own, [], ['true']), /did not come up/);
});

test('too little memory for the kernel', { timeout: 120_000 }, () => {
  expectFailure(run(data, ['-m', '32m'], ['true']), /did not come up[\s\S]*more memory \(-m\)/);
});

test('too little memory for the workload', () => {
  const words = ['sh', '-c', 'sort /dev/zero'];
  const result = run(data, ['-m', '96m'], words);
  expectFailure({ ...result, stdout: '' }, /ran out of memory[\s\S]*\(-m\)/);
});

test('QEMU missing: what needs it, and its package', () => {
  // In a mount namespace of its own the program is covered by an empty file that cannot be seen as it.
  const words = `mount --bind ${join(scratch, 'empty')} /usr/bin && exec "$0" "$@"`;
  mkdirSync(join(scratch, 'empty'));
  const node = process.execPath;
  const script = join(program, '../../dist/tsbox.cjs');
  const result = tsbox(
    [...['-c', words, node, script], 'run', '--vm', 'busybox', '--', 'true'],
    '',
    process.env,
    ['unshare', '-m', '/bin/sh'],
  );
  expectFailure(result, /qemu-system-\w+ was not found in .*--vm needs it.*apt-get install/);
});

test.each([
  [['--userns=auto'], /--userns, --uidmap, --gidmap and idmap with --vm: /],
  [['-v', '/etc/passwd:/p'], /--volume \/etc\/passwd with --vm: only directories/],
])('%s is refused with the reason', (flags, message) => {
  expectFailure(run(data, flags, ['true']), message);
});

test.each([100, 300, 700])('SIGINT %d ms after the start ends the boot', async (delay) => {
  const words = ['run', '--vm', '--init', 'busybox', '--', 'sleep', '1000'];
  const child = spawn(program, words, { stdio: 'ignore' });
  const ended = new Promise((settle) =>
    child.once('close', (code, signal) => settle(signal ?? code)),
  );
  await sleep(delay);
  child.kill('SIGINT');
  // Before tsbox has begun, the signal ends Node itself.
  expect(['SIGINT', 130]).toContain(await ended);
});
