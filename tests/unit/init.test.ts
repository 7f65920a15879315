/** tsbox-init itself, on plans that need no privileges: descriptor 3 is the plan, 4 the report. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { chdir, execve, fchdir, openat, setsid, umask } from '../../src/plan/calls.ts';
import { encodePlan } from '../../src/plan/encode.ts';
import { fsconfigCreate } from '../../src/plan/mount-calls.ts';
import { decodeReport, planFaults, type Report, reportSize } from '../../src/plan/report.ts';
import { type Step, step } from '../../src/plan/step.ts';

const native = new URL('../../native/', import.meta.url).pathname;
execFileSync('make', ['--silent', '-C', native, 'build/tsbox-init']);
const scratch = mkdtempSync(join(tmpdir(), 'tsbox-init-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function runInit(plan: Uint8Array, size: number) {
  const files = ['plan', 'report'].map((name) => join(scratch, name)) as [string, string];
  writeFileSync(files[0], plan);
  writeFileSync(files[1], new Uint8Array(size));
  const descriptors = files.map((file) => openSync(file, 'r+'));
  const { status, stdout } = spawnSync(`${native}build/tsbox-init`, ['container'], {
    stdio: ['ignore', 'pipe', 'inherit', ...descriptors],
  });
  for (const fd of descriptors) closeSync(fd);
  return { status, stdout: String(stdout), report: decodeReport(readFileSync(files[1])) };
}

const run = (...steps: Step[]) => runInit(encodePlan(steps, arch), reportSize(steps.length));
const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
const open = (path: string, into: string, more: Partial<Step> = {}) =>
  step(openat(arch, path, ['O_PATH']), '', { into, ...more });
const mask = (value: number, more: Partial<Step> = {}) => step(umask(value), '', more);

/** The results of the steps; `-` for one that was passed over or not reached. */
const results = (report: Report | undefined) =>
  report?.entries.map(({ end, result }) => (end === 0n ? '-' : String(result))).join(' ');

test('the steps are carried out in order, and each result is reported', () => {
  const { status, report } = run(mask(0o77), mask(0o22), mask(0));
  expect({ status, state: report?.state }).toEqual({ status: 125, state: 'ended' });
  expect(results(report)?.split(' ').slice(1)).toEqual([String(0o77), String(0o22)]);
});

test('the ends of the steps are in order, and after the start', () => {
  const { report } = run(mask(0), mask(0), mask(0));
  const times = [report?.started ?? 0n, ...(report?.entries.map(({ end }) => end) ?? [])];
  expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
  expect(times[0]).toBeGreaterThan(0n);
});

test('the first failure ends the plan', () => {
  const { report } = run(mask(0o22), step(chdir('/no/such'), ''), mask(0));
  expect(report).toMatchObject({ state: 'failed', step: 1, error: 2 });
  expect(results(report)).toMatch(/^\d+ -2 -$/);
});

test('what a file-system context says when its step fails is the reason', () => {
  // Any other descriptor is no context, but can be read from in the same way.
  const openText = step(openat(arch, '/proc/self/comm', ['O_RDONLY']), '', { into: 'text' });
  const { report } = run(openText, step(fsconfigCreate('text'), ''));
  expect(report).toMatchObject({ state: 'failed', step: 1, reason: 'tsbox-init' });
  expect(run(openText, step(fchdir('text'), '')).report).toMatchObject({
    state: 'failed',
    reason: '',
  });
});

test('of a long reason the beginning is kept', () => {
  const openText = step(openat(arch, '/proc/self/status', ['O_RDONLY']), '', { into: 'text' });
  const { report } = run(openText, step(fsconfigCreate('text'), ''));
  expect(report?.reason.length).toBeGreaterThan(200);
  expect(report?.reason.length).toBeLessThanOrEqual(256);
  expect(report?.entries).toHaveLength(2);
});

test('a slot hands a result on', () => {
  const { report } = run(open('/', 'root'), step(fchdir('root'), ''));
  expect(results(report)).toMatch(/^\d+ 0$/);
});

test.each([
  ['argument', step(fchdir('none'), '')],
  ['need', mask(0, { needs: 'none' })],
])('an accepted error leaves its slot empty, and a step with that %s is passed over', (_, user) => {
  const accepting = { accept: ['EPERM', 'ENOENT'] } as const;
  const { report } = run(open('/no/such', 'none', accepting), user, mask(0));
  expect(report).toMatchObject({ state: 'ended' });
  expect(results(report)).toMatch(/^-2 - \d+$/);
});

test('an error that is not in the list is not accepted', () => {
  const { report } = run(open('/no/such', 'none', { accept: ['EPERM', 'ENOTDIR'] }));
  expect(report).toMatchObject({ state: 'failed', error: 2 });
});

test('execve replaces the program, which gets its words and its environment', () => {
  const words = ['sh', '-c', 'echo "$1 $A $(env | grep -c ^B=)"', 'sh', 'a word'];
  const { status, stdout, report } = run(
    step(execve('/bin/sh', words, ['A=1', 'B=2']), ''),
    mask(0),
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'a word 1 1\n' });
  expect(report).toMatchObject({ state: 'running', step: 0 });
  expect(results(report)).toBe('- -');
});

test('the program finds neither the plan nor the report', () => {
  const list = 'for fd in 3 4; do [ -e /proc/self/fd/$fd ] && echo $fd; done; true';
  expect(run(step(execve('/bin/sh', ['sh', '-c', list], []), '')).stdout).toBe('');
});

const plan = encodePlan([mask(0), step(setsid(), '')], arch);
test.each([
  ['the report has no room for every step', plan, reportSize(2) - 1],
  ['the report has no room for every step', plan, reportSize(0)],
  ['longer than its header says', Buffer.concat([plan, new Uint8Array(8)]), reportSize(2)],
  ['not a plan', Buffer.alloc(4096), reportSize(2)],
])('refused: %s', (fault, bytes, size) => {
  const { status, report } = runInit(bytes, size);
  expect({ status, state: report?.state }).toEqual({ status: 125, state: 'refused' });
  expect(planFaults[report?.error ?? 0]).toBe(fault);
  expect(report?.entries.every(({ end }) => end === 0n)).toBe(true);
});

test('without a plan, or room for the report’s header, nothing is reported', () => {
  expect(runInit(plan, reportSize(0) - 1)).toMatchObject({ status: 125, report: undefined });
  expect(runInit(new Uint8Array(), reportSize(2))).toMatchObject({
    status: 125,
    report: undefined,
  });
});
