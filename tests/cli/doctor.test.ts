/** `tsbox doctor`: the same for people and programs, and with a way to mend what is not well. */
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/doctor/check.ts';
import { tsbox } from '../host/tsbox.ts';
import { type Caller, newDirectory, nobody, program, tsboxFor } from './caller.ts';

interface Report {
  readonly version: number;
  readonly containers: boolean;
  readonly checks: readonly Check[];
}

const bare = { PATH: process.env.PATH, TSBOX_DATA: '/no/such/data' };

describe.each<[string, Caller]>([
  ['root', {}],
  ['nobody', nobody],
  ['somebody without images', { env: bare }],
])('for %s', (_, caller) => {
  const text = tsboxFor(caller, ['doctor']);
  const json = tsboxFor(caller, ['doctor', '--json']);
  const report: Report = JSON.parse(json.stdout);

  test('the text has a line for each check of --json, in the same order', () => {
    const lines = [
      ...text.stdout.matchAll(/^([✓!✗]) (ok|limited|missing) +(\S+(?: \S+)*) {2,}(.*)$/gm),
    ];
    expect(lines.map(([, , status, name, what]) => ({ status, name, what }))).toEqual(
      report.checks.map(({ status, name, what }) => ({ status, name, what })),
    );
    const marks = { ok: '✓', limited: '!', missing: '✗' };
    for (const [, mark, status] of lines) expect(mark).toBe(marks[status as Check['status']]);
  });

  test('every check that is not ok says why, and how to mend it, and one that is ok does not', () => {
    expect(report.version).toBe(1);
    for (const { status, why, mend } of report.checks) {
      expect({ status, why: why !== '', mend: mend !== '' }).toEqual({
        status,
        why: status !== 'ok',
        mend: status !== 'ok',
      });
    }
    const told = report.checks.filter(({ status }) => status !== 'ok');
    const shown = text.stdout.match(/^ +for .*; .*\n +to mend it: .*$/gm) ?? [];
    expect(shown.map((lines) => lines.trim().split(/\n +/))).toEqual(
      told.map((each) => [`for ${each.for}; ${each.why}`, `to mend it: ${each.mend}`]),
    );
  });

  test('the exit status and the last line tell whether containers can run', () => {
    const can = !report.checks.some(
      (each) => each.for === 'containers' && each.status === 'missing',
    );
    expect(report.containers).toBe(can);
    expect([text.status, json.status]).toEqual(can ? [0, 0] : [1, 1]);
    expect(text.stdout.trimEnd().split('\n').at(-1)).toMatch(
      can ? /^Containers can run/ : /^Containers cannot run .* ✗/,
    );
  });

  test('no escape code is printed where there is no terminal, and nothing on standard error', () => {
    expect(text.stdout + json.stdout).not.toContain('\x1b');
    expect(text.stderr + json.stderr).toBe('');
  });
});

test('without root, containers can run where user namespaces can be made', () => {
  const report: Report = JSON.parse(tsboxFor(nobody, ['doctor', '--json']).stdout);
  expect(find(report, 'privileges')).toMatchObject({ status: 'ok', what: 'user 65534' });
  expect(report.containers).toBe(find(report, 'namespace user')?.status === 'ok');
  expect(find(report, 'cgroup v2')?.why).toMatch(/is not delegated: it belongs to user 0/);
});

test('without images, kernels and programs it names what brings them, and containers can run', () => {
  const directory = newDirectory();
  symlinkSync(process.execPath, join(directory, 'node'));
  const env = { ...bare, PATH: directory };
  // In a mount namespace of its own the host's programs are covered.
  const words = [
    '-c',
    '/bin/mount --bind "$0" /usr/bin && exec "$1" "$2" doctor --json',
    directory,
  ];
  const script = join(program, '../../dist/tsbox.cjs');
  const { stdout } = tsbox([...words, process.execPath, script], '', env, [
    '/usr/bin/unshare',
    '-m',
    '/bin/sh',
  ]);
  const report: Report = JSON.parse(stdout);
  const setup = expect.stringContaining('npm run setup');
  expect(find(report, 'images')).toMatchObject({ status: 'limited', mend: setup });
  expect(find(report, 'guest kernel')).toMatchObject({ status: 'missing', mend: setup });
  expect(find(report, 'QEMU')).toMatchObject({
    status: 'missing',
    mend: expect.stringMatching(
      /^as root: apt-get install --no-install-recommends qemu-system-\w+$/,
    ),
  });
  expect(report.containers).toBe(true);
});

test.each<[string, Record<string, string>, boolean]>([
  ['has colours', { TERM: 'xterm' }, true],
  ['has none with NO_COLOR', { TERM: 'xterm', NO_COLOR: '1' }, false],
  ['has colours with an empty NO_COLOR', { TERM: 'xterm', NO_COLOR: '' }, true],
  ['has none when it is dumb', { TERM: 'dumb' }, false],
])('a terminal %s', (_, env, colours) => {
  const shown = onTerminal('doctor', { ...bare, ...env });
  expect(shown).toContain('kernel');
  expect(shown.includes('\x1b[')).toBe(colours);
});

test('--json has no colours on a terminal either', () => {
  expect(onTerminal('doctor --json', { ...bare, TERM: 'xterm' })).not.toContain('\x1b');
});

function find(report: Report, name: string): Check | undefined {
  return report.checks.find((check) => check.name === name);
}

/** script(1) gives a program a terminal and copies what it prints. */
function onTerminal(words: string, env: NodeJS.ProcessEnv): string {
  const command = ['-qec', `'${program}' ${words}`, '/dev/null'];
  return execFileSync('/usr/bin/script', command, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
