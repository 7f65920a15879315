/** `tsbox compare`: one command on the host, as a container and in a micro-VM. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Result, traces, tsbox } from '../host/tsbox.ts';
import { newDirectory, nobody, program, tsboxFor } from './caller.ts';

describe('a command that ends with status 3', () => {
  let result: Result;
  let left: string[];
  beforeAll(() => {
    const directory = mkdtempSync(join(tmpdir(), 'tsbox-test-'));
    const script = 'echo "out of $(hostname)"; echo aside >&2; exit 3';
    const words = ['compare', '--hostname', 'teapot', 'busybox', '--', 'sh', '-c', script];
    result = tsboxFor({ env: { ...process.env, TMPDIR: directory } }, words);
    left = readdirSync(directory);
    rmSync(directory, { recursive: true });
  });

  test('is a success of compare, and nothing is left', () => {
    expect({ ...result, left }).toMatchObject({ status: 0, stderr: '', left: [] });
  });

  test.each([
    ['', ['host', 'container', 'micro-VM']],
    ['exit status', ['3', '3', '3']],
    ['start-up', ['–', /^\d+\.\d ms$/, /^\d+\.\d ms$/]],
    ['whole time', [/^\d+\.\d ms$/, /^\d+\.\d ms$/, /^\d+\.\d ms$/]],
    ['output', [`out of ${hostname()}`, 'out of teapot', 'out of teapot']],
    ['kernel', [release(), release(), /^\d+\.\d+\./]],
    ['host name', [hostname(), 'teapot', 'teapot']],
    ['process id', [/^\d{2,}$/, '1', '1']],
    ['processes seen', [/^\d{2,}$/, /^[1-9]$/, /^[1-9]$/]],
  ])('has its %s side by side', (label, cells) => {
    expect(row(label)).toEqual(
      cells.map((cell) => (typeof cell === 'string' ? cell : expect.stringMatching(cell))),
    );
  });

  test('has its errors in the column where they came up', () => {
    expect(row('errors').slice(0, 2)).toEqual(['aside', 'aside']);
  });

  test('starts later than it was asked to, and before it ends', () => {
    for (const column of [1, 2]) {
      const [startup, whole] = ['start-up', 'whole time'].map((label) =>
        Number.parseFloat(row(label)[column] ?? ''),
      );
      expect(startup).toBeGreaterThan(5);
      expect(startup).toBeLessThan(whole ?? 0);
    }
  });

  test('has a start-up that differs between container and micro-VM', () => {
    const [, container, machine] = row('start-up').map(Number.parseFloat);
    expect(machine).toBeGreaterThan(container ?? Infinity);
  });

  /** By the columns at which the heads stand. */
  function row(label: string): string[] {
    const lines = result.stdout.split('\n');
    const head = lines[0] ?? '';
    const places = ['host', 'container', 'micro-VM'].map((name) => head.indexOf(name));
    const line = lines.find((one) => one.slice(0, places[0]).trim() === label) ?? '';
    return places.map((place, index) => line.slice(place, places[index + 1]).trim());
  }
});

test('--vm is refused, as a micro-VM takes part anyway', () => {
  const result = tsbox(['compare', '--vm', 'busybox', '--', 'true']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(/^error: --vm: .* leave it out\n/);
});

test('boxes that could not be made are shown with tsbox’s reason, and compare fails', () => {
  const env = { ...nobody.env, XDG_RUNTIME_DIR: '/proc' };
  const { status, stdout } = tsboxFor({ ...nobody, env }, ['compare', 'busybox', '--', 'true']);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^exit status +0 +125 +125$/m);
  expect(stdout).toMatch(/^errors +tsbox: the state directory/m);
});

test('an image that is not there is an error before anything runs', () => {
  const result = tsbox(['compare', 'teapot', '--', 'touch', '/no/such/mark']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(/^tsbox: no image teapot: .*\n$/);
});

test('SIGINT ends it and a box that does not heed it, and no temporary directory is left', async () => {
  const directory = newDirectory();
  const before = traces();
  const env = { ...process.env, TMPDIR: directory };
  // Takes a while in the box alone, where it is process 1.
  const words = ['compare', 'busybox', '--', 'sh', '-c', '[ $$ != 1 ] || sleep 600'];
  const child = spawn(program, words, { env, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const patience = { timeout: 10_000, interval: 20 };
  await vi.waitFor(() => expect(readdirSync(directory)).toHaveLength(1), patience);
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(traces()).toEqual({ ...before, temporary: expect.anything() });
  expect(readdirSync(directory)).toEqual([]);
});
