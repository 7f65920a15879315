/** A user's box where the kernel refuses overlayfs: fuse-overlayfs, or a copy of the image. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { becomeOrdinaryUser } from './ordinary-user.ts';
import { changes, withoutOverlay } from './refused-overlay.ts';
import { eachLeavesNothing, starter, tsbox } from './tsbox.ts';

if (starter.ids === 'all') becomeOrdinaryUser('one');
eachLeavesNothing();

const said =
  /^tsbox: overlayfs cannot be mounted in a user namespace here: fsconfig: EINVAL \(invalid argument\): fuse-overlayfs does the same for the box\n/;

const run = (script: string, by: string[]) =>
  tsbox(['run', 'busybox', '--', 'sh', '-c', script], '', process.env, by);
const inBox = (script: string) => run(script, withoutOverlay('served'));

test('the root file system is what fuse-overlayfs serves, which one line says', () => {
  const { status, stdout, stderr } = inBox('grep " / " /proc/mounts; exit 7');
  expect(stderr).toMatch(new RegExp(`${said.source}$`));
  expect(stdout).toMatch(/^\S+ \/ fuse rw,nodev,.*default_permissions,allow_other\S* 0 0\n$/);
  expect(status).toBe(7);
});

test.each([
  ['a file is made', 'echo x >/etc/new; cat /etc/new; stat -c %u:%g:%a /etc/new', 'x\n0:0:644\n'],
  ['a file is changed', 'echo x >>/etc/group; tail -n 1 /etc/group', 'x\n'],
  ['a mode is changed', 'chmod 4711 /etc/group; stat -c %u:%g:%a /etc/group', '0:0:4711\n'],
  [
    'a file is removed',
    'rm /etc/group; ls /etc/group 2>&1; ls -A /etc | grep -c group',
    'ls: /etc/group: No such file or directory\n0\n',
  ],
  ['one takes its place', 'rm /etc/group; mkdir /etc/group; ls -Ald /etc/group | cut -c 1', 'd\n'],
  [
    'a directory is removed and made again',
    'rm -r /etc; mkdir /etc; ls -A /etc; echo y >/etc/y; ls -A /etc',
    'y\n',
  ],
  ['a file is renamed', 'mv /etc/group /g; ls /etc/group /g 2>/dev/null', '/g\n'],
  [
    'a hard link',
    'ln /etc/group /g; echo x >>/etc/group; tail -n 1 /g; stat -c %h /g; test /g -ef /etc/group; echo $?',
    'x\n2\n0\n',
  ],
  ['a symbolic link', 'ln -s /etc/group /g; readlink /g; head -c 4 /g', '/etc/group\nroot'],
  ['a FIFO', 'mkfifo /f; echo x >/f & cat /f', 'x\n'],
  ['a removed file that is open', 'echo x >/f; exec 3</f; rm /f; cat <&3', 'x\n'],
  ['a program is made', 'cp /bin/busybox /echo; /echo x', 'x\n'],
  [
    'a device cannot be made',
    'mknod /d b 8 0 2>&1; ls /d 2>/dev/null',
    'mknod: /d: Operation not permitted\n',
  ],
  [
    'a large file',
    'dd if=/dev/zero of=/l bs=1M count=20 2>/dev/null; wc -c </l',
    `${20 * 2 ** 20}\n`,
  ],
])('%s, and the image stays as it is', (_, script, stdout) => {
  const result = run(script, withoutOverlay('served', '', changes));
  expect(result.stdout).toBe(stdout);
});

test('owners are those of the box', () => {
  const { stdout } = inBox('>/x; chown 5:6 /x 2>/dev/null; stat -c %u:%g /x; stat -c %u:%g /etc');
  expect(stdout).toBe(starter.ids === 'subordinate' ? '5:6\n0:0\n' : '0:0\n0:0\n');
});

test('the box has no descriptor of it, and sees no process but its own', () => {
  const { stdout } = inBox(
    'ls -l /proc/1/fd | grep -c fuse; set -- /proc/[0-9]*; echo $#; ls -A /dev/fuse 2>&1',
  );
  expect(stdout).toBe('0\n1\nls: /dev/fuse: No such file or directory\n');
});

test.each(['--read-only', '--user=7:7', '--pids-limit=0', '--cap-drop=all'])('%s', (flag) => {
  const words = ['run', flag, 'busybox', '--', 'sh', '-c', 'cat /etc/hostname; echo x >/x'];
  const served = tsbox(words, '', process.env, withoutOverlay('served'));
  const ordinary = tsbox(words);
  expect(served.status).toBe(ordinary.status);
  expect(served.stdout).toBe(ordinary.stdout);
  expect(served.stderr.replace(said, '')).toBe(ordinary.stderr);
});

/** Of tsbox, by the names of their programs. */
function childrenOf(pid: number | undefined): Map<string, number> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const name = (child: string) => readFileSync(`/proc/${child}/comm`, 'utf8').trim();
  return new Map(children.map((child) => [name(child), Number(child)]));
}

/** Until the box has said that it is ready. */
async function startedServed(script: string) {
  const [command = '', ...words] = withoutOverlay('served');
  const child = spawn(command, [
    ...words,
    'run',
    '--network=none',
    'busybox',
    '--',
    'sh',
    '-c',
    script,
  ]);
  const [ended, stderr] = [once(child, 'close'), text(child.stderr)];
  await once(child.stdout, 'data');
  return { child, ended, stderr, server: childrenOf(child.pid).get('fuse-overlayfs') ?? 0 };
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\t[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('fuse-overlayfs', () => {
  test('ends with a tsbox that is killed', async () => {
    const { child, ended, server } = await startedServed('echo ready; sleep 1000');
    expect(isThere(server)).toBe(true);
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    await expect.poll(() => isThere(server)).toBe(false);
    expect(inBox('true').status).toBe(0);
  });

  test('that ends too soon leaves the box without files, and is told of', async () => {
    const script = 'echo ready; while true 2>/dev/null </etc/group; do :; done; exit 5';
    const { ended, server, stderr } = await startedServed(script);
    process.kill(server, 'SIGKILL');
    await expect.poll(() => isThere(server)).toBe(false);
    // What of its program is not in memory yet is such a file, too.
    const SIGBUS = 7;
    expect([5, 128 + SIGBUS]).toContain((await ended)[0]);
    expect((await stderr).replace(said, '')).toBe(
      'tsbox: fuse-overlayfs ended: signal 9: from then on the box had no files\n',
    );
  });

  test('has a jail, with the capabilities to serve', async () => {
    const script = 'trap "exit 3" TERM; echo ready; while :; do :; done';
    const { child, ended, server } = await startedServed(script);
    const status = readFileSync(`/proc/${server}/status`, 'utf8');
    expect(status).toMatch(/^CapBnd:\t000000008000001b$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const files = ['etc', 'image', 'proc', 'scratch', 'usr'];
    expect(readdirSync(`/proc/${server}/root`).filter((name) => !/^lib/.test(name))).toEqual(files);
    expect(() => writeFileSync(`/proc/${server}/root/image/x`, '')).toThrow('EROFS');
    expect(readlinkSync(`/proc/${server}/ns/user`)).not.toBe(readlinkSync('/proc/self/ns/user'));
    child.kill('SIGTERM');
    expect(await ended).toEqual([3, null]);
  });
});

/** Of a program in its place, or without FUSE. */
const copied = /^tsbox: there is no overlayfs for it: the image is copied first, .*\n$/m;

test.each([
  ['may not be used', withoutOverlay('no FUSE'), ''],
  [
    'does not start',
    withoutOverlay('served', 'echo it is broken >&2; exit 1'),
    'tsbox: fuse-overlayfs cannot do the same for the box: fuse-overlayfs ended: exit status 1: it is broken\n',
  ],
])('where fuse-overlayfs %s, the image is copied', (_, by, why) => {
  const script = 'grep -c " / fuse" /proc/mounts; rm /etc/group; echo x >/etc/new; ls /etc; exit 7';
  const { status, stdout, stderr } = run(script, by);
  expect(stderr).toContain(why);
  expect(stderr).toMatch(copied);
  expect(stdout).toMatch(/^0\n.*new/s);
  expect(status).toBe(7);
});

test('a signal ends a start for which fuse-overlayfs does not answer', async () => {
  const [command = '', ...words] = withoutOverlay('served', 'exec sleep 1000');
  const child = spawn(command, [...words, 'run', '--network=none', 'busybox', '--', 'true']);
  const ended = once(child, 'close');
  await expect.poll(() => childrenOf(child.pid).has('sleep'), { timeout: 20_000 }).toBe(true);
  child.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
});
