/** `tsbox bench`: what it prints, what it writes, and what it refuses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { BenchReport } from '../../src/bench/report.ts';
import { traces, tsbox } from '../host/tsbox.ts';
import { newDirectory, nobody, program, tsboxFor } from './caller.ts';

const few = ['bench', '--runs', '2', '--warmup', '1', '--subjects', 'tsbox container'];

test('a table on standard output, progress on standard error, all that was measured in the file', () => {
  const directory = newDirectory();
  const file = join(directory, 'report.json');
  const temporary = join(directory, 'tmp');
  mkdirSync(temporary);
  const caller = { env: { ...process.env, TMPDIR: temporary } };
  const words = [...few, '--seed', '7', '--json', file, 'busybox'];
  const { status, stdout, stderr } = tsboxFor(caller, words);
  expect(status).toBe(0);
  expect(stderr).toBe('warm-up round 1 of 3\nround 2 of 3\nround 3 of 3\n');
  expect(readdirSync(temporary)).toEqual([]);

  const report: BenchReport = JSON.parse(readFileSync(file, 'utf8'));
  const settings = { image: 'busybox', runs: 2, warmup: 1, seed: 7 };
  expect(report).toMatchObject({ version: 1, unit: 'ms', settings, absent: [] });
  expect(report.results.map(({ name }) => name)).toEqual(['host process', 'tsbox container']);
  for (const { times, summary, ratio } of report.results) {
    expect(times).toHaveLength(2);
    expect(Math.min(...times)).toBe(summary.min);
    expect(Math.max(...times)).toBe(summary.max);
    expect(summary.min).toBeGreaterThan(0);
    expect(ratio).toEqual({ value: expect.any(Number) });
  }
  expect(report.results[1]?.command).toContain(program);

  expect(stdout).toMatch(/^Benchmark: `true` in busybox, 2 runs .* after 1 .*\(seed 7\)$/m);
  for (const { name, summary } of report.results) {
    const row = new RegExp(`^ +${name} +([\\d.]+) ms +[\\d.]+ ms +[\\d.]+ ms … [\\d.]+ ms `, 'm');
    expect(Math.abs(Number(row.exec(stdout)?.[1]) - summary.median)).toBeLessThan(1);
  }
  expect(stdout).toMatch(/^ +[\d.]+ times the host process: tsbox container$/m);
  expect(stdout.includes('\x1b') || stderr.includes('\r')).toBe(false);
});

test('an unknown subject is an error that lists the known ones', () => {
  const result = tsbox(['bench', '--subjects', 'host process, teapot', 'busybox']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(
    /^tsbox: --subjects: no subject teapot; there are: host process, tsbox container, tsbox VM, .+\n$/,
  );
});

test.each([
  ['--runs', '0'],
  ['--runs', 'many'],
  ['--runs', '1.5'],
  ['--runs', '1e3'],
  ['--runs', '10000000000'],
  ['--warmup', '-1'],
  ['--warmup', ''],
  ['--seed', '4294967296'],
])('%s %s is refused', (flag, value) => {
  const result = tsbox(['bench', `${flag}=${value}`, 'busybox']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toContain(`${flag} <number>' argument '${value}' is invalid`);
  expect(result.stderr).toMatch(/Whole numbers from [01] to \d+ are allowed/);
});

test('an image that is not there is an error before anything is measured', () => {
  const result = tsbox([...few, 'teapot']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(/^tsbox: no image teapot: .*\n$/);
});

test('the peers that the set-up brings run the same specification', () => {
  const words = ['--runs', '1', '--warmup', '0', '--subjects', 'runc,crun,bubblewrap'];
  const { stdout } = tsbox(['bench', ...words, 'busybox']);
  expect(stdout).not.toContain('left out');
  for (const peer of ['runc', 'crun', 'bubblewrap'])
    expect(stdout).toMatch(new RegExp(`^ {2}${peer} +[\\d.]+ ms`, 'm'));
});

test('a subject that fails is left out with its reason, and the others stay', () => {
  const env = { ...nobody.env, XDG_RUNTIME_DIR: '/proc' };
  const { status, stdout } = tsboxFor({ ...nobody, env }, [...few, 'busybox']);
  expect(stdout).toMatch(/^ {2}host process +[\d.]+ ms/m);
  expect(stdout).toMatch(/^ {2}tsbox container left out: ended with status 125: .*\/proc/m);
  // It was asked for by name.
  expect(status).toBe(1);
});

test('--json: a file that cannot be written is the user’s error, not a fault of tsbox', () => {
  const words = ['bench', '--runs', '1', '--warmup', '0', '--subjects', 'host process'];
  const { status, stderr } = tsbox([...words, '--json', '/no/such/file']);
  expect(status).toBe(125);
  expect(stderr).toContain('--json /no/such/file');
  expect(stderr).not.toContain('fault of tsbox');
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends it and what it was timing, and no temporary directory is left',
  async (signal, status) => {
    const directory = newDirectory();
    const before = traces();
    const env = { ...process.env, TMPDIR: directory };
    const words = ['bench', '--runs', '10000', '--subjects', 'tsbox container', 'busybox'];
    const child = spawn(program, words, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    await once(child.stderr, 'data');
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^tsbox-bench-/)]);
    child.kill(signal);
    expect(await ended).toEqual([status, null]);
    expect(said).toMatch(/^((warm-up )?round \d+ of \d+\n)*$/);
    expect(readdirSync(directory)).toEqual([]);
    expect(traces()).toEqual(before);
  },
);
