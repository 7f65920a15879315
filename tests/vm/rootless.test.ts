/** Micro-VMs of an ordinary user, who has no root, no cgroup and no entry in /etc/passwd. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { giveToUser } from '../host/ordinary-user.ts';
import { eachLeavesNothing, program, type Result, tsbox } from '../host/tsbox.ts';

const USER = 1234;
const OTHER = 4321;
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const runtime = join(scratch, 'run');
const volume = join(scratch, 'volume');
const images = join(scratch, 'data/images');
const env = { PATH: process.env.PATH, TSBOX_DATA: join(scratch, 'data'), XDG_RUNTIME_DIR: runtime };

beforeAll(() => {
  const data = dataDirectory(process.env, 0);
  chmodSync(scratch, 0o755);
  for (const directory of [runtime, volume]) {
    mkdirSync(directory, { mode: 0o700 });
    chownSync(directory, USER, USER);
  }
  mkdirSync(images, { recursive: true });
  cpSync(join(data, 'images/busybox'), join(images, 'busybox'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  symlinkSync(join(data, 'kernels'), join(scratch, 'data/kernels'));
  giveToUser(join(images, 'busybox'), USER);
  chownSync(join(scratch, 'data'), USER, USER);
});

eachLeavesNothing();

const by = (user: number) => [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--clear-groups',
  program,
];

function run(
  flags: readonly string[],
  words: readonly string[],
  more: NodeJS.ProcessEnv = {},
  input = '',
): Result {
  const result = tsbox(
    ['run', '--vm', '-i', ...flags, ...words],
    input,
    { ...env, ...more },
    by(USER),
  );
  return { ...result, stderr: result.stderr.replace(/^tsbox: KVM is not used .*\n/m, '') };
}

const sh = (script: string, flags: readonly string[] = [], input = ''): Result =>
  run(flags, ['busybox', '--', 'sh', '-c', script], {}, input);

test('streams and exit status are the workload’s', () => {
  expect(sh('cat; echo err >&2; exit 7', [], 'in')).toEqual({
    status: 7,
    stdout: 'in',
    stderr: 'err\n',
  });
});

test('the user’s own files are root’s in the guest', () => {
  expect(sh('id -u; stat -c %u:%g / /etc /bin/busybox').stdout).toBe('0\n0:0\n0:0\n0:0\n');
});

test('limits are the size of the machine', () => {
  const { stdout } = sh('grep MemTotal /proc/meminfo', ['-m', '128m']);
  expect(Number(/\d+/.exec(stdout)?.[0])).toBeLessThan(128 * 1024);
});

test('what root of the guest writes into a volume is the user’s on the host', () => {
  writeFileSync(join(volume, 'from-host'), 'hello');
  const script =
    'cat /v/from-host; echo back >/v/from-box; stat -c %u /v/from-box; mknod /v/null c 1 3';
  const { status, stdout, stderr } = sh(script, ['-v', `${volume}:/v`]);
  expect({ status, stdout }).toEqual({ status: 1, stdout: 'hello0\n' });
  expect(stderr).toContain('Operation not permitted');
  expect(statSync(join(volume, 'from-box')).uid).toBe(USER);
  expect(sh('echo no >/v/from-box', ['-v', `${volume}:/v:ro`]).stderr).toContain('Read-only');
  expect(readFileSync(join(volume, 'from-box'), 'utf8')).toBe('back\n');
});

test('a user of several groups has volumes, too', () => {
  const by = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--groups=5000,5001', program];
  const words = [
    'run',
    '--vm',
    '-v',
    `${volume}:/v`,
    'busybox',
    '--',
    'sh',
    '-c',
    'echo x >/v/new',
  ];
  expect(tsbox(words, '', env, by).status).toBe(0);
  const { uid, gid } = statSync(join(volume, 'new'));
  expect([uid, gid]).toEqual([USER, USER]);
});

test('a served image shows the user’s files as root’s, too', () => {
  const image = join(scratch, 'image');
  cpSync(join(images, 'busybox'), image, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(image, 'large'), Buffer.alloc(20_000_000));
  giveToUser(image, USER);
  const script =
    'stat -c %u / /large; echo x >/etc/new && cat /etc/new; grep -c " / overlay" /proc/mounts';
  const result = run(['--rootfs', image], ['--', 'sh', '-c', script]);
  expect(result).toEqual({ status: 0, stdout: '0\n0\nx\n1\n', stderr: '' });
  expect(existsSync(join(image, 'etc/new'))).toBe(false);
});

/** An image with a file in a directory. */
function withSecret(): string {
  const image = join(scratch, 'unreadable');
  cpSync(join(images, 'busybox'), image, { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(image, 'secret'));
  writeFileSync(join(image, 'secret/file'), 'x');
  giveToUser(image, USER);
  onTestFinished(() => rmSync(image, { recursive: true }));
  return image;
}

test.each([
  ['a file', 'secret/file', 0o000],
  ['a directory', 'secret', 0o000],
  ['what is in a directory', 'secret', 0o444],
  ['the whole image', '.', 0o000],
])('%s of the user’s that its mode closes is open to root of the guest', (_, place, mode) => {
  const image = withSecret();
  chmodSync(join(image, place), mode);
  const result = run(['--rootfs', image], ['--', 'cat', '/secret/file']);
  expect(result).toEqual({ status: 0, stdout: 'x', stderr: '' });
});

test('a file of another’s that the user may not read is refused by name', () => {
  const image = withSecret();
  chmodSync(join(image, 'secret/file'), 0o600);
  chownSync(join(image, 'secret/file'), OTHER, OTHER);
  const { status, stderr } = run(['--rootfs', image], ['--', 'true']);
  expect({ status, stderr }).toMatchObject({
    status: 125,
    stderr: expect.stringContaining("the image's /secret/file is not for you to read"),
  });
});

test('where nothing can be kept, that is told of, and all is made anew each time', () => {
  chownSync(join(scratch, 'data'), 0, 0);
  renameSync(join(scratch, 'data/templates'), join(scratch, 'templates'));
  onTestFinished(() => {
    renameSync(join(scratch, 'templates'), join(scratch, 'data/templates'));
    chownSync(join(scratch, 'data'), USER, USER);
  });
  const { status, stdout, stderr } = sh('echo alive');
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'alive\n' });
  expect(stderr).toMatch(/^tsbox: disks and templates .* cannot be kept in \S+ \(EACCES.*\n$/);
});

test.each(['SIGTERM', 'SIGUSR1'] as const)('%s reaches the workload', async (signal) => {
  const script = `trap "exit 42" ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
  const words = ['run', '--vm', 'busybox', '--', 'sh', '-c', script];
  const [setpriv = '', ...first] = by(USER);
  const child = spawn(setpriv, [...first, ...words], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((settle) => child.once('close', settle));
  await new Promise((settle) => child.stdout.once('data', settle));
  child.kill(signal);
  expect(await ended).toBe(42);
});

test('nothing is left in the runtime directory', () => {
  expect(sh('true').status).toBe(0);
  expect(readdirSync(join(runtime, 'tsbox/boxes'))).toEqual([]);
});

test('a runtime directory that is another’s, or a link, is refused', () => {
  const link = join(scratch, 'link');
  symlinkSync(runtime, link);
  lchownSync(link, OTHER, OTHER);
  const others = join(scratch, 'others');
  mkdirSync(others, { mode: 0o777 });
  chmodSync(others, 0o777);
  for (const directory of [link, others]) {
    const { status, stderr } = run([], ['busybox', '--', 'true'], { XDG_RUNTIME_DIR: directory });
    expect({ status, stderr }).toMatchObject({
      status: 125,
      stderr: expect.stringMatching(/can be changed by others|belongs to others/),
    });
  }
  expect(readdirSync(others)).toEqual([]);
});

test('without XDG_RUNTIME_DIR a link planted in /tmp is not followed', () => {
  // Of whom no other test leaves something there.
  const user = USER + 1;
  const planted = `/tmp/tsbox-${user}`;
  const target = join(scratch, 'target');
  mkdirSync(target);
  chownSync(target, user, user);
  symlinkSync(target, planted);
  lchownSync(planted, OTHER, OTHER);
  try {
    const words = ['run', '--vm', 'busybox', '--', 'true'];
    const { status, stderr } = tsbox(words, '', { ...env, XDG_RUNTIME_DIR: '' }, by(user));
    expect({ status, stderr }).toEqual({ status: 125, stderr: expect.stringContaining(planted) });
    expect(readdirSync(target)).toEqual([]);
  } finally {
    rmSync(planted);
  }
});
