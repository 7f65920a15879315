/** Where compiled profiles are kept: first use by many at once, damage, and directories of others. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Seccomp } from '../../src/spec/seccomp.ts';
import { makeFilter } from './filter.ts';

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'seccomp-cache-'));
  directory = join(parent, 'a/b');
});
afterEach(() => rmSync(parent, { recursive: true }));

const profile: Seccomp = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }],
};
const make = () => Buffer.from(makeFilter(profile, 'x64', [], directory));
const wanted = Buffer.from(makeFilter(profile, 'x64', []));
const only = (): string => {
  const names = readdirSync(directory);
  expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  return join(directory, names[0] ?? '');
};

test('a program is kept, for its owner alone', () => {
  expect(make()).toEqual(wanted);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(only()).mode & 0o777).toBe(0o600);
  const before = statSync(only());
  expect(make()).toEqual(wanted);
  expect(statSync(only()).ino).toBe(before.ino);
});

test('each profile, architecture and set of capabilities has its own', () => {
  make();
  makeFilter({ ...profile, defaultAction: 'SCMP_ACT_LOG' }, 'x64', [], directory);
  makeFilter(profile, 'arm64', [], directory);
  makeFilter('default', 'x64', [], directory);
  makeFilter('default', 'x64', ['CAP_SYS_ADMIN'], directory);
  expect(readdirSync(directory)).toHaveLength(5);
});

test.each<[string, (path: string) => void]>([
  ['empty', (path) => truncateSync(path)],
  ['cut off in its digest', (path) => truncateSync(path, 20)],
  ['without a program', (path) => truncateSync(path, 32)],
  ['cut off', (path) => truncateSync(path, statSync(path).size - 8)],
  ['longer', (path) => writeFileSync(path, Buffer.alloc(8), { flag: 'a' })],
  [
    'changed in a bit',
    (path) => {
      const bytes = readFileSync(path);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
  ],
])('a file that is %s is noticed and made anew', (_, damage) => {
  make();
  const sound = readFileSync(only());
  damage(only());
  expect(readFileSync(only())).not.toEqual(sound);
  expect(make()).toEqual(wanted);
  expect(readFileSync(only())).toEqual(sound);
});

test.each<[string, () => void]>([
  ['another user’s', () => chownSync(directory, 1000, 1000)],
  ['open to others', () => chmodSync(directory, 0o770)],
  [
    'a link',
    () => {
      rmSync(directory, { recursive: true });
      mkdirSync(join(parent, 'real'), { mode: 0o700 });
      symlinkSync(join(parent, 'real'), directory);
    },
  ],
])('a directory that is %s is neither believed nor written into', (_, spoil) => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  spoil();
  expect(make()).toEqual(wanted);
  expect(readdirSync(directory)).toEqual([]);
});

test('eight processes that make the same program at once all get it, whole', async () => {
  const dist = new URL('../../dist/seccomp.cjs', import.meta.url).pathname;
  // A profile that takes a while, and a common moment at which all begin.
  const script = `
    const { makeFilter } = require(${JSON.stringify(dist)});
    const { createHash } = require('node:crypto');
    process.stdout.write('ready\\n');
    process.stdin.once('data', () => {
      const program = makeFilter('default', 'x64', ['CAP_SYS_ADMIN'], ${JSON.stringify(directory)});
      process.stdout.write(createHash('sha256').update(program).digest('hex'));
      process.exit();
    });`;
  const children = Array.from({ length: 8 }, () =>
    spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const outputs = children.map((child) => {
    let text = '';
    let ready: () => void = () => undefined;
    const isReady = new Promise<void>((settle) => {
      ready = settle;
    });
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      ready();
    });
    const ended = new Promise<string>((settle) => child.once('close', () => settle(text)));
    return { isReady, ended };
  });
  await Promise.all(outputs.map(({ isReady }) => isReady));
  for (const child of children) child.stdin.write('.');
  const answers = new Set(await Promise.all(outputs.map(({ ended }) => ended)));
  expect(answers.size).toBe(1);
  expect([...answers][0]).toMatch(/^ready\n[0-9a-f]{64}$/);
  only();
});
