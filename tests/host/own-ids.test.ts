/** Whose ids a box has: a range of its own, unless the host or its file systems cannot. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { eachLeavesNothing, program, type Result, shell, started, tsbox } from './tsbox.ts';

const scratch = mkdtempSync(join(tmpdir(), 'own-ids-'));
afterAll(() => rmSync(scratch, { recursive: true }));
eachLeavesNothing();

const map = 'cat /proc/self/uid_map';
const image = '/var/lib/tsbox/images/busybox';

/** In a mount namespace of its own, after a script. */
function after(script: string, ...args: string[]): Result {
  return tsbox(args, '', process.env, [
    'unshare',
    '-m',
    'sh',
    '-c',
    `${script}; exec "$0" "$@"`,
    program,
  ]);
}

test('boxes that run at once have ids that the others have not', async () => {
  const boxes = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const line = `${map} > /d/${number}; echo there; exec sleep 1000`;
      const words = ['run', '-v', `${scratch}:/d`, 'busybox', '--', 'sh', '-c', line];
      return started(words, 'there');
    }),
  );
  const maps = [1, 2, 3].map(
    (number) =>
      tsbox(['run', '-v', `${scratch}:/d`, 'busybox', '--', 'cat', `/d/${number}`]).stdout,
  );
  expect(new Set(maps).size).toBe(3);
  for (const each of maps) expect(each).toMatch(/^ +0 +\d+ +65536\n$/);
  const names = readdirSync('/run/tsbox/boxes').filter((name) => name.startsWith('ids-'));
  expect(names.length).toBeGreaterThanOrEqual(3);
  for (const { child } of boxes) child.kill('SIGKILL');
  await Promise.all(boxes.map(({ ended }) => ended));
  // The next run removes what a killed tsbox leaves, and takes its ids.
  await expect.poll(() => shell('true').status).toBe(0);
});

test('what root of the box writes into a volume is root’s on the host', () => {
  const { stderr, status } = shell('touch /d/new && stat -c %u:%g /d/new', '-v', `${scratch}:/d`);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(statSync(join(scratch, 'new')).uid).toBe(0);
});

test('an image whose files cannot be mapped: the ids of the host, and a line that says so', () => {
  const overlay = `mount -t tmpfs t ${scratch} && mkdir ${scratch}/u ${scratch}/w ${scratch}/m && mount -t overlay -o lowerdir=${image},upperdir=${scratch}/u,workdir=${scratch}/w o ${scratch}/m`;
  const flags = ['--rootfs', `${scratch}/m`, '--', 'sh', '-c', map];
  const { stdout, stderr } = after(overlay, 'run', ...flags);
  expect(stderr).toBe(
    `tsbox: root of this box is root of the host: the file system of ${scratch}/m cannot map owners\n`,
  );
  expect(stdout).toMatch(/^ +0 +0 +4294967295\n$/);
  const asked = after(overlay, 'run', '--userns=auto', ...flags);
  expect(asked.stderr).toMatch(/^tsbox: idmap failed: mount_setattr: EINVAL/);
  expect(asked.status).toBe(125);
});

test('a volume whose files cannot be mapped: they are nobody’s, and a line that says so', () => {
  const { stdout, stderr } = shell(`${map}; stat -c %u /v/1`, '-v', '/proc:/v');
  expect(stderr).toBe(
    'tsbox: /proc: its file system cannot map owners: files of root there belong to nobody in the box; --userns=host makes them root’s\n'.replace(
      '’',
      "'",
    ),
  );
  expect(stdout).toMatch(/^ +0 +\d+ +65536\n65534\n$/);
});

test('no user namespace is to be had: the ids of the host, and a line that says so', () => {
  // The limit is that of a user namespace, which only its own root sets.
  const limit = 'echo 0 > /proc/sys/user/max_user_namespaces';
  const by = ['unshare', '-r', 'sh', '-c', `${limit}; exec "$0" "$@"`, program];
  const { stderr } = tsbox(['run', 'busybox', '--', 'true'], '', process.env, by);
  expect(stderr).toMatch(
    /^tsbox: root of this box is root of the host: in a user namespace clone3 fails: ENOSPC/,
  );
});

test('--uidmap and --gidmap are what the box has', () => {
  const flags = ['--uidmap', '0:700000:10', '--uidmap', '10:800000:5', '--gidmap', '0:900000:20'];
  const { stdout } = shell('cat /proc/self/uid_map /proc/self/gid_map; stat -c %u /bin', ...flags);
  expect(stdout.replaceAll(/ +/g, ' ')).toBe(' 0 700000 10\n 10 800000 5\n 0 900000 20\n0\n');
});

test('an image does not get the ids of the host by its users and groups', () => {
  const own = join(scratch, 'image');
  execFileSync('cp', ['-a', image, own]);
  appendFileSync(join(own, 'etc/group'), 'far:x:70000:root\n');
  const run = (...flags: string[]) =>
    tsbox(['run', ...flags, '--rootfs', own, '--', 'sh', '-c', map]);
  expect(run()).toMatchObject({ stderr: '', stdout: expect.stringMatching(/^ +0 +\d+ +65536\n$/) });
  appendFileSync(join(own, 'etc/passwd'), 'far:x:70000:0::/:/bin/sh\n');
  const { status, stderr } = run('-u', 'far');
  expect(status).toBe(125);
  expect(stderr).toMatch(/^tsbox: --user far: the box has no user with id 70000/);
});
