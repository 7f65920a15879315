/** bin/tsbox: wherever it is started from and however it is reached. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import packageFile from '../../package.json' with { type: 'json' };
import type { BenchReport } from '../../src/bench/report.ts';
import { type Caller, newDirectory, nobody, program, tsboxFor } from './caller.ts';

const version = { status: 0, stdout: `${packageFile.version}\n`, stderr: '' };
const bin = dirname(program);

test.each<[string, (scratch: string) => Caller]>([
  ['by its path from another directory', (cwd) => ({ cwd })],
  ['by a relative path', (cwd) => ({ cwd, program: relative(realpathSync(cwd), program) })],
  ['beside it', () => ({ cwd: bin, program: './tsbox' })],
  ['by PATH', (cwd) => ({ cwd, program: 'tsbox', env: { PATH: `${bin}:${process.env.PATH}` } })],
  ['through a link', (cwd) => ({ program: link(program, join(cwd, 'tsbox')) })],
  ['through a link with another name', (cwd) => ({ program: link(program, join(cwd, 'a b')) })],
  [
    'through a relative link',
    (cwd) => ({ program: link(relative(realpathSync(cwd), program), join(cwd, 'tsbox')) }),
  ],
  [
    'through a link to a link',
    (cwd) => ({ cwd, program: link(link(program, join(cwd, 'one')), join(cwd, 'two')) }),
  ],
  [
    'through a link to its directory',
    (cwd) => ({ program: join(link(dirname(bin), join(cwd, 'a b')), 'bin/tsbox') }),
  ],
  ['by a user without rights', () => nobody],
])('it starts %s', (_, caller) => {
  expect(tsboxFor(caller(newDirectory()), ['--version'])).toEqual(version);
});

test('a current directory that was removed is told, and is no fault of tsbox', () => {
  const words = 'cd "$1" && rmdir "$1" && exec "$2" run busybox true';
  const cwd = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
  const result = tsboxFor({ program: '/bin/sh' }, ['-c', words, 'sh', cwd, program]);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(/^tsbox: the current directory is not there any more: [^\n]*\n$/);
});

test.each([
  ['help', ['run', '--help'], 0],
  ['a mistake', ['run', '--frobnicate'], 125],
  ['another command', ['explain', '--help'], 0],
])('the caller’s pipes stay blocking: %s', (_, words, status) => {
  // The flags of the pipe, octal, as fcntl(2) has them: O_NONBLOCK is 04000.
  const script = `{ "$@"; echo " $?"; grep flags /proc/self/fdinfo/1; } 2>&1 | cat`;
  const { stdout } = tsboxFor({ program: '/bin/sh' }, ['-c', script, 'sh', program, ...words]);
  expect(stdout).toMatch(new RegExp(`^ ${status}$`, 'm'));
  expect(stdout).toMatch(/^flags:\s+0?1$/m);
});

test('words reach it as they are', () => {
  const word = 'two  words "quoted" $HOME * \\ \n é';
  const { stdout } = tsboxFor({}, ['run', 'busybox', '--', 'printf', '%s|%s', word, '']);
  expect(stdout).toBe(`${word}|`);
});

test('bytes that are no UTF-8 reach it, too', () => {
  // caf, and bytes of Latin-1, a piece of a character, and one that UTF-8 forbids; then U+FFFD itself.
  const script = `word=$(printf 'caf\\351 \\342\\202 \\355\\240\\200 \\357\\277\\275'); "$1" run -e A="$word" busybox -- sh -c 'printf "%s=" "$1" "$A"' sh "$word" | od -v -An -tx1`;
  const { stdout } = tsboxFor({ program: '/bin/sh' }, ['-c', script, 'sh', program]);
  const word = '63 61 66 e9 20 e2 82 20 ed a0 80 20 ef bf bd 3d';
  expect(stdout.replaceAll(/\s+/g, ' ').trim()).toBe(`${word} ${word}`);
});

test('so do those of the caller’s variables, and of names and files', () => {
  const script = `export A=$(printf 'caf\\351 \\357\\277\\275'); printf 'C=\\352' >"$(printf 'f\\353')"
    env "$(printf 'ZZ\\354=\\355')" "$1" run -e A -e 'ZZ*' --env-file "$(printf 'f\\353')" busybox -- env | LC_ALL=C sort | grep -a '^[AC]=\\|^ZZ' | od -v -An -tx1`;
  const cwd = newDirectory();
  const { stdout, stderr } = tsboxFor({ program: '/bin/sh', cwd }, ['-c', script, 'sh', program]);
  const lines = ['41 3d 63 61 66 e9 20 ef bf bd', '43 3d ea', '5a 5a ec 3d ed'];
  expect(stderr).toBe('');
  expect(stdout.replaceAll(/\s+/g, ' ').trim()).toBe(`${lines.join(' 0a ')} 0a`);
});

test('a configuration in JSON cannot have them', () => {
  const script = `"$1" run --print-config busybox -- echo "$(printf 'caf\\351')"`;
  const result = tsboxFor({ program: '/bin/sh' }, ['-c', script, 'sh', program]);
  const stderr = 'tsbox: --print-config: "caf\\udce9": JSON has no bytes that are not UTF-8\n';
  expect(result).toEqual({ status: 125, stdout: '', stderr });
});

test('bench times this very tsbox when it is reached through a link', () => {
  const scratch = newDirectory();
  const file = join(scratch, 'report');
  const words = ['bench', '--runs=1', '--warmup=0', '--subjects=tsbox container', '--json', file];
  expect(tsboxFor({ program: link(program, join(scratch, 'tsbox')) }, words).status).toBe(0);
  const report: BenchReport = JSON.parse(readFileSync(file, 'utf8'));
  expect(report.results[1]?.command[0]).toBe(realpathSync(program));
});

test.each([
  ['a path', 'plain'],
  ['a path with spaces', 'with  spaces'],
])('not built yet: it says what to run, and where, with %s', (_, name) => {
  const scratch = newDirectory();
  const top = join(realpathSync(scratch), name);
  cpSync(bin, join(top, 'bin'), { recursive: true });
  const message = `tsbox: not built yet: run \`npm run build\` in ${top}\n`;
  const refusal = { status: 125, stdout: '', stderr: message };
  const copy = join(top, 'bin/tsbox');
  expect(tsboxFor({ program: copy }, ['--version'])).toEqual(refusal);
  expect(tsboxFor({ program: link(copy, join(scratch, 'link')) }, ['--help'])).toEqual(refusal);
});

test.each(['/tsbox', '/bin/there/tsbox', '/deep/bin/tsbox'])(
  'not built yet, and at %s',
  (place) => {
    const box = ['run', '-v', `${realpathSync(program)}:${place}:ro`, 'busybox', place];
    const top = place === '/deep/bin/tsbox' ? '/deep' : place === '/tsbox' ? '/' : '/bin';
    const stderr = `tsbox: not built yet: run \`npm run build\` in ${top}\n`;
    expect(tsboxFor({}, box)).toEqual({ status: 125, stdout: '', stderr });
  },
);

/** An installation without a Node of its own. */
function installation(): string {
  const scratch = realpathSync(newDirectory());
  chmodSync(scratch, 0o755);
  cpSync(bin, join(scratch, 'bin'), { recursive: true });
  mkdirSync(join(scratch, 'dist'));
  writeFileSync(join(scratch, 'dist/tsbox.cjs'), '');
  return scratch;
}

test('it takes the first Node of PATH, with the words and the environment, one variable under another name', () => {
  const top = installation();
  const certificates = '$(printenv NODE_EXTRA_CA_CERTS || echo none)|$TSBOX_EXTRA_CACERTS';
  const script = `printf "%s\\n" "$@" "$ONE|${certificates}|$TWO"`;
  writeFileSync(join(top, 'node'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const env = {
    ...{ ONE: '1', TSBOX_EXTRA_CACERTS: '/planted', NODE_EXTRA_CA_CERTS: '/x', TWO: '2' },
    PATH: `/no/such::${top}:/usr/bin`,
  };
  const outcome = tsboxFor({ program: join(top, 'bin/tsbox'), env }, ['run', 'a b', '']);
  expect(outcome.stdout).toBe(
    `--disable-sigusr1\n--\n${top}/dist/tsbox.cjs\nrun\na b\n\n1|none|/x|2\n`,
  );
});

test('compiled code that is kept is used, replaced when it is no good, and not needed', () => {
  const top = installation();
  cpSync(join(bin, '../dist'), join(top, 'dist'), { recursive: true });
  const kept = join(top, 'dist/.compiled');
  rmSync(kept, { recursive: true, force: true });
  const explain = (caller: Caller) =>
    tsboxFor({ ...caller, program: join(top, 'bin/tsbox') }, ['explain', '--rootfs', '/', 'true']);

  const env = { PATH: dirname(process.execPath) };
  const first = explain({ env });
  expect(first).toMatchObject({ status: 0, stderr: '' });
  const file = join(kept, readdirSync(kept)[0] ?? '');
  const { size } = statSync(file);
  expect(size).toBeGreaterThan(50_000);
  for (const content of ['', 'x'.repeat(size)]) {
    writeFileSync(file, content);
    expect(explain({ env })).toEqual(first);
    expect(Math.abs(statSync(file).size - size)).toBeLessThan(size / 4);
  }
  const before = readFileSync(file);
  expect(explain({ env })).toEqual(first);
  expect(readFileSync(file).equals(before)).toBe(true);
  // Whose ids the box would have is another matter.
  expect(explain({ ...nobody, env })).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(kept)).toHaveLength(1);
});

test('a FIFO in the place of compiled code does not hold up a start', () => {
  const top = installation();
  cpSync(join(bin, '../dist'), join(top, 'dist'), { recursive: true });
  const caller = { program: join(top, 'bin/tsbox'), env: { PATH: dirname(process.execPath) } };
  const words = ['explain', '--rootfs', '/', 'true'];
  const kept = join(top, 'dist/.compiled');
  rmSync(kept, { recursive: true, force: true });
  const first = tsboxFor(caller, words);
  const [name = ''] = readdirSync(kept);
  rmSync(join(kept, name));
  execFileSync('mkfifo', [join(kept, name)]);
  expect(tsboxFor(caller, words)).toEqual(first);
  expect(statSync(join(kept, name)).isFile()).toBe(true);
});

test('a part that is missing is told by its name', () => {
  const top = installation();
  cpSync(join(bin, '../dist'), join(top, 'dist'), { recursive: true });
  rmSync(join(top, 'dist/native/tsbox.node'));
  const caller = { program: join(top, 'bin/tsbox'), env: { PATH: dirname(process.execPath) } };
  const { status, stderr } = tsboxFor(caller, ['run', '--rootfs', '/', '--', 'true']);
  expect(stderr).toMatch(
    /^tsbox: a part of tsbox cannot be loaded: .*\/dist\/native\/tsbox\.node: .*: run `npm run build`\n$/,
  );
  expect(status).toBe(125);
});

test('no Node anywhere: it says which one to install', () => {
  const caller = { program: join(installation(), 'bin/tsbox'), env: { PATH: '/no/such' } };
  const { status, stdout, stderr } = tsboxFor(caller, ['--version']);
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
  expect(stderr).toMatch(/^tsbox: no `node` was found: install Node [\d.]+ or later\n$/);
});

/** @returns the path of the link. */
function link(target: string, path: string): string {
  symlinkSync(target, path);
  return path;
}
