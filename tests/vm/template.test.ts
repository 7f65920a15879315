/** Machines that go on where one was saved: what they have of their own, and templates that cannot be used. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { eachLeavesNothing, program, type Result, tsbox } from '../host/tsbox.ts';

const data = dataDirectory(process.env, 0);
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const own = join(scratch, 'data');
const store = join(own, 'templates');
const env = { ...process.env, TSBOX_DATA: own };
mkdirSync(join(own, 'images'), { recursive: true });
symlinkSync(join(data, 'kernels'), join(own, 'kernels'));
cpSync(join(data, 'images/busybox'), join(own, 'images/busybox'), {
  recursive: true,
  verbatimSymlinks: true,
});

eachLeavesNothing();

/** The phases of the run are in `phases`, by which it is seen where its machine comes from. */
function run(words: readonly string[], flags: readonly string[] = []) {
  const file = join(scratch, 'timing.json');
  const result = tsbox(
    ['run', '--vm', '--network=none', `--timing-file=${file}`, ...flags, 'busybox', '--', ...words],
    '',
    env,
  );
  const phases: string[] = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8')).phases.map(({ name }: { name: string }) => name)
    : [];
  rmSync(file, { force: true });
  return { ...result, stderr: withoutNotes(result.stderr), phases };
}

/** On a host whose KVM does not work tsbox says so, in one line. */
const withoutNotes = (stderr: string) => stderr.replace(/^tsbox: KVM is not used .*\n/m, '');

const templates = (kind: string) =>
  existsSync(store) ? readdirSync(store).filter((name) => name.startsWith(kind)) : [];

/** Of whatever kind. */
const names = () => (existsSync(store) ? readdirSync(store).sort() : []);

const warm = () => {
  const { status, stderr } = tsbox(['vm', 'warm', '--network=none', 'busybox'], '', env);
  expect({ status, stderr: withoutNotes(stderr) }).toEqual({ status: 0, stderr: '' });
};

/** A file of the only template for the image. */
const partOf = (file: string) => join(store, templates('image-')[0] ?? 'none', file);

const alive = (result: Result) => expect(result).toMatchObject({ status: 0, stdout: 'alive\n' });
const words = ['echo', 'alive'];

beforeEach(warm);

test('a machine goes on where its template was saved; --snapshot never boots it', () => {
  const restored = run(words);
  alive(restored);
  expect(restored.phases).toContain('restore');
  expect(restored.phases).not.toContain('kernel');
  const booted = run(words, ['--snapshot=never']);
  alive(booted);
  expect(booted.phases).toContain('kernel');
  expect(booted.phases).not.toContain('restore');
});

test('each copy has random numbers, a clock and a host name of its own', () => {
  const script =
    'head -c 16 /dev/urandom | od -An -tx1; mktemp -u XXXXXXXXXXXX; cat /proc/sys/kernel/random/uuid; date +%s; hostname';
  const copies = [1, 2, 3].map((each) => {
    const { stdout } = run(['sh', '-c', script], ['--hostname', `copy${each}`]);
    return stdout.split('\n').slice(0, -1);
  });
  for (const line of [0, 1, 2])
    expect(new Set(copies.map((lines) => lines[line])).size).toBe(copies.length);
  copies.forEach((lines, index) => {
    expect(Math.abs(Number(lines[3]) - Date.now() / 1000)).toBeLessThan(60);
    expect(lines[4]).toBe(`copy${index + 1}`);
  });
});

test('what a box writes and sets reaches no other copy', () => {
  const script =
    'ls /new /tmp; cat /proc/sys/kernel/shmmax; touch /new /tmp/new; sysctl -qw kernel.shmmax=77';
  const [one, other] = [run(['sh', '-c', script]), run(['sh', '-c', script])];
  expect(one.stdout).toBe(other.stdout);
  expect(other.stdout).not.toContain('new');
});

test('nothing of a box is in a template', () => {
  const secret = 'a-word-that-is-nowhere-else-5309';
  rmSync(store, { recursive: true });
  alive(run(words, ['-e', `SECRET=${secret}`, '--hostname', secret]));
  for (const file of ['memory', 'state'])
    expect(spawnSync('grep', ['-c', secret, partOf(file)]).stdout.toString()).toBe('0\n');
});

test.each<[string, () => void]>([
  ['a truncated memory', () => truncateSync(partOf('memory'), 4096)],
  ['a memory with one bit changed', () => flip(partOf('memory'), 2 ** 20)],
  ['a truncated state', () => truncateSync(partOf('state'), 1000)],
  ['a state with one bit changed', () => flip(partOf('state'), 1000)],
  ['a state that is gone', () => rmSync(partOf('state'))],
  ['a memory that is gone', () => rmSync(partOf('memory'))],
  ['no seal', () => rmSync(partOf('seal.json'))],
  ['a seal that is none', () => writeFileSync(partOf('seal.json'), '[]')],
  ['a state of another QEMU', () => replaceState(Buffer.from('QEVM, but not as we know it'))],
  ['a state of another machine', () => replaceState(withoutDevices())],
])('with %s it is booted, with one line, and the template made anew', (_, spoil) => {
  spoil();
  const first = run(words);
  alive(first);
  expect(first.stderr).toMatch(
    /^tsbox: the template image-[0-9a-f]+ of the micro-VM cannot be used \([\s\S]*\): it is booted instead, and the next one makes a new template\n$/,
  );
  expect(first.phases).toContain('kernel');
  const second = run(words);
  alive(second);
  expect(second).toMatchObject({ stderr: '', phases: expect.arrayContaining(['restore']) });
});

test('--snapshot always says what is wrong, and does not boot', () => {
  rmSync(partOf('state'));
  expect(run(words, ['--snapshot=always'])).toMatchObject({
    status: 125,
    stdout: '',
    stderr: expect.stringMatching(/cannot be used .*: try again, which makes a new one/),
  });
  expect(run(words, ['--snapshot=always', '-v', `${scratch}:/v`])).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('--snapshot always: it has volumes (-v)'),
  });
});

function flip(file: string, at: number): void {
  chmodSync(file, 0o600);
  const fd = openSync(file, 'r+');
  writeSync(fd, Uint8Array.of((readFileSync(file)[at] ?? 0) ^ 1), 0, 1, at);
}

/** As if it had been made so. */
function replaceState(content: Uint8Array): void {
  writeFileSync(partOf('state'), content);
  const seal = JSON.parse(readFileSync(partOf('seal.json'), 'utf8'));
  const state = createHash('sha256').update(content).digest('hex');
  writeFileSync(partOf('seal.json'), JSON.stringify({ ...seal, state }));
}

const withoutDevices = () => readFileSync(partOf('state')).subarray(0, 4000);

test.each<[string, () => void, readonly string[]]>([
  ['the image', () => writeFileSync(join(own, 'images/busybox/etc/motd'), 'changed'), []],
  [
    'the time of a file of the image',
    () => utimesSync(join(own, 'images/busybox/etc/passwd'), 1, 1),
    [],
  ],
  ['the mode of one', () => chmodSync(join(own, 'images/busybox/etc/passwd'), 0o600), []],
  ['the memory', () => undefined, ['-m', '300m']],
  ['the processors', () => undefined, ['--cpus', '2']],
  ['the kernel', touchKernel, []],
])('another template is made when %s changes', (_, change, flags) => {
  const before = names();
  change();
  const result = run(words, flags);
  alive(result);
  expect(result.stderr).toBe('');
  expect(
    names().filter((name) => name.startsWith('image-') && !before.includes(name)),
  ).toHaveLength(1);
});

/** The same, as another file. */
function touchKernel(): void {
  rmSync(join(own, 'kernels'));
  mkdirSync(join(own, 'kernels'));
  cpSync(join(data, 'kernels/current/'), join(own, 'kernels/current'), {
    recursive: true,
    dereference: true,
  });
}

test('a template that is removed while a machine runs on it is not missed', async () => {
  const script = 'echo ready; sleep 1; md5sum /bin/busybox; echo alive';
  const flags = ['run', '--vm', '--network=none', 'busybox', '--', 'sh', '-c', script];
  const child = spawn(program, flags, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const output = text(child.stdout);
  await once(child.stdout, 'readable');
  rmSync(store, { recursive: true });
  expect(await output).toMatch(/^ready\n[0-9a-f]{32} {2}\/bin\/busybox\nalive\n$/);
});

test('what a killed tsbox has not finished is removed by the next one', async () => {
  rmSync(store, { recursive: true });
  const child = spawnSync('timeout', ['-s', 'KILL', '0.7', program, 'vm', 'warm', 'busybox'], {
    env,
  });
  expect(child.signal).toBe('SIGKILL');
  await sleep(100);
  warm();
  expect(names().filter((name) => name.startsWith('.'))).toEqual([]);
  expect(statSync(store).mode & 0o777).toBe(0o700);
});
