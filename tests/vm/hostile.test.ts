/** Attack classes "shared folder" and "trusting the guest": root in the guest against the host's files. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { eachLeavesNothing, program, started, tsbox } from '../host/tsbox.ts';

const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const small = join(scratch, 'small');
const large = join(scratch, 'large');
const volume = join(scratch, 'tree/volume');

beforeAll(() => {
  const busybox = join(dataDirectory(process.env, 0), 'images/busybox');
  for (const image of [small, large])
    cpSync(busybox, image, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(large, 'ballast'), Buffer.alloc(20_000_000));
  mkdirSync(volume, { recursive: true });
  writeFileSync(join(scratch, 'tree/canary'), 'alive');
  writeFileSync(join(volume, 'file'), 'x');
});

eachLeavesNothing();

/** Everything of a tree that a write would change: names, kinds, owners, modes, times, contents. */
function treeHash(root: string): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    const { mode, uid, gid, size, mtimeMs, ctimeMs, nlink } = lstatSync(path);
    hash.update(JSON.stringify([path, mode, uid, gid, size, mtimeMs, ctimeMs, nlink]));
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) hash.update(readlinkSync(path));
    if (stats.isFile()) hash.update(readFileSync(path));
    if (stats.isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
  };
  add(root);
  return hash.digest('hex');
}

const attack = (place: string) => `
  cd ${place}
  mount -o remount,rw ${place}; mount -o remount,rw /; mkdir /tmp/m; mount -t virtiofs root /tmp/m; mount -o bind ${place} /tmp/m; mount -o remount,bind,rw /tmp/m
  echo x >/tmp/m/new
  echo x >new; mkdir dir; rm -rf *; rm -rf ${place}/*
  echo x >etc/passwd; echo x >file; chmod 4755 bin/busybox file; chown 1:1 file etc
  mknod null c 1 3; mknod disk b 8 0; mknod fifo p
  ln -s ../../../../etc/shadow link; cat link >/tmp/link
  ln file hard; mv file moved; mv etc moved; touch -d 2001-01-01 file etc .
  cat ../../canary ../canary
  deep=; for i in 1 2 3 4 5 6 7 8; do deep=$deep/../..; done; cat .$deep${scratch}/tree/canary
  for p in /proc/[0-9]*; do echo x >$p/root/etc/passwd; echo x >$p/cwd/x; done
  echo done`;

/** A guest's root without the limits of a box. */
const powerful = [
  '--cap-add=ALL',
  '--security-opt=seccomp=unconfined',
  '--security-opt=unmask=ALL',
];

const run = (flags: readonly string[], script: string, by?: readonly string[]) =>
  tsbox(['run', '--vm', ...flags, '--', '/bin/sh', '-c', script], '', process.env, by);

test.each([
  ['in memory', small],
  ['served', large],
])('an image %s stays untouched, whatever root of the guest tries', (_, image) => {
  const before = treeHash(image);
  const { status, stdout } = run(
    [...powerful, '--rootfs', image],
    `cp -a /bin /tmp/bin; PATH=/tmp/bin; ${attack('/')}`,
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'done\n' });
  expect(treeHash(image)).toBe(before);
});

test('a read-only volume stays untouched, and what is beside it unread', () => {
  const before = treeHash(join(scratch, 'tree'));
  const { stdout } = run([...powerful, '--rootfs', small, '-v', `${volume}:/v:ro`], attack('/v'));
  expect(stdout).toBe('done\n');
  expect(treeHash(join(scratch, 'tree'))).toBe(before);
});

test('a writable volume gets no device nodes, and its links lead nowhere but into the guest', () => {
  const script = `cd /v; mknod null c 1 3; mknod disk b 8 0; mknod fifo p && echo fifo
    ln -s ${scratch}/tree/canary a; ln -s ../canary b; ln -s ../../../../../..${scratch}/tree/canary c
    cat a b c ../canary; echo x >../canary; cat /canary; ls`;
  const { stdout } = run([...powerful, '--rootfs', small, '-v', `${volume}:/v`], script);
  expect(stdout).toBe('fifo\nx\na\nb\nc\nfifo\nfile\n');
  expect(readdirSync(volume)).toEqual(['a', 'b', 'c', 'fifo', 'file']);
  expect(readFileSync(join(scratch, 'tree/canary'), 'utf8')).toBe('alive');
  for (const name of ['a', 'b', 'c', 'fifo']) rmSync(join(volume, name));
});

test('a set-group-id file cannot be had by one who is not of the group', () => {
  const shared = join(scratch, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o2777);
  const script = 'cd /v; touch f; chmod 2755 f; cp /bin/busybox g; chmod 2755 g; stat -c %a f g';
  const { stdout } = run(['--rootfs', small, '-u', '1000:1000', '-v', `${shared}:/v`], script);
  expect(stdout).toBe('755\n755\n');
  for (const name of ['f', 'g']) expect(lstatSync(join(shared, name)).mode & 0o6000).toBe(0);
});

test('a flood of descriptors ends in the guest, which goes on', () => {
  const flood = join(scratch, 'flood');
  mkdirSync(flood);
  for (let index = 0; index < 800; index++) writeFileSync(join(flood, `f${index}`), 'x');
  const script =
    'for f in /v/*; do read line <$f; done 2>/tmp/errors; grep -c "Too many open files" /tmp/errors; echo alive';
  const by = ['prlimit', '--nofile=500', program];
  const { status, stdout } = run(['--rootfs', small, '-v', `${flood}:/v:ro`], script, by);
  expect(stdout).toMatch(/^[1-9]\d*\nalive\n$/);
  expect(status).toBe(0);
});

function consoles(): string[] {
  const boxes = '/run/tsbox/boxes';
  if (!existsSync(boxes)) return [];
  return readdirSync(boxes)
    .map((box) => join(boxes, box, 'console'))
    .filter((path) => existsSync(path));
}

test('a console that is flooded grows no further than 4 MB, and the machine goes on', {
  timeout: 120_000,
}, async () => {
  const script = `mkdir /tmp/dev; mount -t devtmpfs none /tmp/dev
    head -c 4500000 /dev/zero >/tmp/dev/ttyS0; echo ready; sleep 100`;
  const words = ['run', '--vm', ...powerful, '--rootfs', small, '--', 'sh', '-c', script];
  const others = new Set(consoles());
  const { child, ended } = await started(words, 'ready');
  const sizes = consoles().flatMap((path) => (others.has(path) ? [] : lstatSync(path).size));
  child.kill('SIGKILL');
  await ended;
  // Removes what the killed one has left.
  run(['--rootfs', small], 'true');
  expect(sizes).toEqual([4 * 2 ** 20]);
});
