/** Boxes that are saved with their workload, and copies that go on from there. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { eachLeavesNothing, program, tsbox } from '../host/tsbox.ts';

const data = dataDirectory(process.env, 0);
const scratch = mkdtempSync(join(tmpdir(), 'vm-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));
const own = join(scratch, 'data');
const env = { ...process.env, TSBOX_DATA: own };
mkdirSync(own);
for (const name of ['images', 'kernels', 'qemus']) symlinkSync(join(data, name), join(own, name));

eachLeavesNothing();

/** On a host whose KVM does not work tsbox says so, in one line. */
const withoutNote = (stderr: string) => stderr.replaceAll(/^tsbox: KVM is not used .*\n/gm, '');

function run(...words: readonly string[]) {
  const result = tsbox(['run', '--vm', ...words], '', env);
  return { ...result, stderr: withoutNote(result.stderr) };
}

const save = (name: string, when: string, script: string, ...flags: readonly string[]) =>
  run(
    ...flags,
    '--snapshot-as',
    name,
    '--snapshot-when',
    when,
    'busybox',
    '--',
    'sh',
    '-c',
    script,
  );

const savedAs = (name: string) =>
  `tsbox: saved as ${name}: \`tsbox run --vm --from ${name}\` goes on from there\n`;

/** Counts for ever, and says what it finds; a line of input ends it. */
const counter =
  'trap "exit 42" USR1; i=0; while :; do i=$((i + 1)); echo $i $(hostname) $(date +%s) $(mktemp -u XXXXXXXXXX); [ $i = 3 ] && echo ready; sleep 0.05; done';

beforeAll(() => {
  const result = save('counter', 'line:^ready$', counter, '--network=none', '--hostname=first');
  expect(result).toMatchObject({ status: 0, stderr: savedAs('counter') });
  expect(result.stdout).toMatch(/^1 first .*\n2 first .*\n3 first .*\nready\n/);
  const script = 'mkdir /w; echo served by $(hostname) >/w/index.html; exec httpd -f -p 80 -h /w';
  expect(
    save('server', 'tcp:80', script, '--network=bridge', '--hostname=first', '--init'),
  ).toEqual({
    status: 0,
    stdout: '',
    stderr: savedAs('server'),
  });
});

/** Goes on from it, until so many lines have come; then it gets the signal. */
async function copyOf(name: string, lines: number, ...flags: readonly string[]) {
  const words = ['run', '--vm', '--from', name, ...flags];
  const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((settle) => child.once('close', settle));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
    if (output.split('\n').length > lines) child.kill('SIGUSR1');
  });
  return { status: await ended, output: output.split('\n') };
}

test('a copy goes on where the box was saved, with a name, a clock and random numbers of its own', async () => {
  const flags = ['--network=none', '--hostname'];
  const copies = await Promise.all(
    ['one', 'two'].map((name) => copyOf('counter', 5, ...flags, name)),
  );
  const fields = copies.map(({ output }) => output.slice(1, 4).map((line) => line.split(' ')));
  for (const { status } of copies) expect(status).toBe(42);
  const [one = [], two = []] = fields;
  expect(Number(one[0]?.[0])).toBeGreaterThan(3);
  expect(one.map(([, name]) => name)).toEqual(['one', 'one', 'one']);
  expect(two.map(([, name]) => name)).toEqual(['two', 'two', 'two']);
  for (const [, , seconds] of [...one, ...two])
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
  const drawn = [...one, ...two].map(([, , , word]) => word);
  expect(new Set(drawn).size).toBe(drawn.length);
});

test('what is piped into a copy reaches nobody, and its end is told of', () => {
  const script = 'echo ready; sleep 0.3; exit 7';
  expect(save('short', 'line:ready', script, '--network=none').status).toBe(0);
  expect(run('--from', 'short', '--network=none')).toEqual({ status: 7, stdout: '', stderr: '' });
});

test('twenty copies of a server answer at once, each at an address of its own', async () => {
  const ports = Array.from({ length: 20 }, (_, index) => 18_100 + index);
  const copies = ports.map((port) => {
    const flags = ['--hostname', `copy${port}`, '-p', `127.0.0.1:${port}:80`];
    return spawn(program, ['run', '--vm', '--from', 'server', ...flags], { env, stdio: 'ignore' });
  });
  const ended = copies.map((child) => new Promise((settle) => child.once('close', settle)));
  try {
    for (const port of ports) expect(await answerAt(port)).toBe('served by first\n');
  } finally {
    for (const child of copies) child.kill('SIGTERM');
    await Promise.all(ended);
  }
});

async function answerAt(port: number): Promise<string> {
  for (let left = 400; ; left--)
    try {
      const signal = AbortSignal.timeout(5000);
      return await (await fetch(`http://127.0.0.1:${port}/`, { signal })).text();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(50);
    }
}

test('a workload that ends before it is ready is told of, and nothing is kept', () => {
  expect(save('early', 'line:ready', 'echo other; exit 3', '--network=none')).toEqual({
    status: 125,
    stdout: 'other\n',
    stderr:
      'tsbox: the workload ended before it was ready to be saved (--snapshot-when), with status 3\n',
  });
  expect(tsbox(['vm', 'ls'], '', env).stdout).not.toContain('early');
  expect(readdirSync(join(own, 'snapshots')).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a box that is ended while it is waited for is not kept', async () => {
  const words = ['--network=none', '--snapshot-as', 'never', '--snapshot-when', 'line:never'];
  const script = ['busybox', '--', 'sh', '-c', 'echo up; sleep 1000'];
  const child = spawn(program, ['run', '--vm', ...words, ...script], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((settle) => child.once('close', settle));
  await new Promise((settle) => child.stdout.once('data', settle));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(readdirSync(join(own, 'snapshots'))).toEqual(
    expect.not.arrayContaining([expect.stringMatching(/never|^\./)]),
  );
});

const when = ['--snapshot-when', '1'];
test.each<[string, readonly string[], RegExp]>([
  [
    'a name that is taken',
    ['--snapshot-as', 'counter', ...when, 'busybox', '--', 'true'],
    /there is a snapshot counter: remove it/,
  ],
  [
    'a name that is none',
    ['--snapshot-as', '../x', ...when, 'busybox', '--', 'true'],
    /--snapshot-as \.\.\/x: a name has/,
  ],
  [
    'no time',
    ['--snapshot-as', 'x', 'busybox', '--', 'true'],
    /--snapshot-as x without --snapshot-when/,
  ],
  ['no name', [...when, 'busybox', '--', 'true'], /--snapshot-when without --snapshot-as/],
  [
    'a port that is none',
    ['--snapshot-as', 'x', '--snapshot-when', 'tcp:0', 'busybox', '--', 'true'],
    /a port is a number from 1 to 65535/,
  ],
  [
    'a pattern that is none',
    ['--snapshot-as', 'x', '--snapshot-when', 'line:(', 'busybox', '--', 'true'],
    /--snapshot-when line:\(: Invalid regular expression/,
  ],
  [
    'another word',
    ['--snapshot-as', 'x', '--snapshot-when', 'soon', 'busybox', '--', 'true'],
    /line:REGEX, tcp:PORT, or a number of seconds/,
  ],
  [
    'a volume',
    ['--snapshot-as', 'x', ...when, '-v', '/etc:/v:ro', 'busybox', '--', 'true'],
    /it has volumes \(-v\)/,
  ],
  ['input', ['-it', '--from', 'counter'], /-i with --from: [\s\S]*--tty with --from: /],
  ['a box that is not there', ['--from', 'nobody'], /no snapshot nobody: there is counter/],
  [
    'a command',
    ['--from', 'counter', 'busybox'],
    /--from with busybox: the box that was saved has its image/,
  ],
  [
    'what cannot be changed',
    ['--from', 'counter', '-m', '1g', '--user', '1'],
    /--memory with --from: [\s\S]*--user with --from: /,
  ],
  [
    'no network for one that had one',
    ['--from', 'server', '--network=none'],
    /was saved on a network/,
  ],
  [
    'a network for one that had none',
    ['--from', 'counter', '--network=bridge'],
    /was saved without a network/,
  ],
])('%s is refused with the reason', (_, words, message) => {
  const { status, stdout, stderr } = run(...words);
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('a snapshot that was spoilt is told of, and can be removed', () => {
  cpSync(join(own, 'snapshots/counter'), join(own, 'snapshots/spoilt'), { recursive: true });
  writeFileSync(join(own, 'snapshots/spoilt/state'), 'this is no state');
  const spoilt = run('--from', 'spoilt', '--network=none');
  expect(spoilt).toMatchObject({ status: 125, stdout: '' });
  expect(spoilt.stderr).toMatch(
    /the snapshot spoilt cannot be gone on with \([\s\S]*tsbox vm rm spoilt/,
  );
  rmSync(join(own, 'snapshots/spoilt/state'));
  expect(run('--from', 'spoilt', '--network=none').stderr).toMatch(
    /the snapshot spoilt is not whole/,
  );
  expect(tsbox(['vm', 'rm', 'spoilt'], '', env)).toMatchObject({ status: 0, stdout: 'spoilt\n' });
  expect(tsbox(['vm', 'rm', 'spoilt'], '', env)).toMatchObject({ status: 125 });
});
