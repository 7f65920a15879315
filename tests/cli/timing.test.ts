/** `run --timing`: where the time went, for people and for programs. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { starter, tsbox } from '../host/tsbox.ts';
import { newDirectory, tsboxFor } from './caller.ts';
import { compareWithPlan, type Phase, readPlan, withoutExcuse } from './plan.ts';

const container = [
  ...['Node', 'parse', 'plan', 'prepare', 'clone', 'steps', 'exec', 'workload', 'clean-up'],
];

test('--timing=json: consecutive phases on the clock of the host, and nothing but the file', () => {
  const cwd = newDirectory();
  const words = ['run', '--timing=json', 'busybox', '--', 'sh', '-c', 'echo out; exit 7'];
  const start = Number(process.hrtime.bigint());
  expect(tsboxFor({ cwd }, words)).toEqual({ status: 7, stdout: 'out\n', stderr: '' });
  const end = Number(process.hrtime.bigint());
  expect(readdirSync(cwd)).toEqual(['tsbox-timing.json']);
  const timing = JSON.parse(readFileSync(join(cwd, 'tsbox-timing.json'), 'utf8'));
  expect(timing).toMatchObject({ version: 1, clock: expect.stringContaining('CLOCK_MONOTONIC') });
  const phases: Phase[] = timing.phases;
  expect(phases.map(({ name }) => name)).toEqual(container);
  expectConsecutive(phases);
  expect(phases[0]?.start).toBeGreaterThan(start);
  expect(phases.at(-1)?.end).toBeLessThan(end);
  const steps = phases.find(({ name }) => name === 'steps');
  expectConsecutive(steps?.parts ?? []);
  expect(steps?.parts[0]?.start).toBe(steps?.start);
  expect(steps?.parts.at(-1)?.end).toBe(steps?.end);
});

test('the time that the workload takes is in its own phase', () => {
  const directory = newDirectory();
  const file = join(directory, 'timing');
  tsbox(['run', '--timing-file', file, 'busybox', '--', 'sleep', '0.3']);
  const { phases }: { phases: Phase[] } = JSON.parse(readFileSync(file, 'utf8'));
  const took = new Map(phases.map(({ name, start, end }) => [name, (end - start) / 1e6]));
  expect(took.get('workload')).toBeGreaterThan(250);
  expect(took.get('clean-up')).toBeLessThan(300);
});

test.each(['--timing', '--timing=text'])(
  '%s: a line for each phase and step, and their sum',
  (flag) => {
    const { status, stdout, stderr } = tsbox(['run', flag, 'busybox', '--', 'echo', 'out']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'out\n' });
    const [head, ...lines] = stderr.trimEnd().split('\n');
    expect(head?.trim().split(/ +/)).toEqual(['took', 'at']);
    const total = Number(
      /^ *([\d.]+) ms +total, from the start of tsbox$/.exec(lines.pop() ?? '')?.[1],
    );
    const entries = lines.map(readLine);
    const phases = entries.filter(({ indent }) => indent === 0);
    const steps = entries.filter(({ indent }) => indent === 2);
    expect(entries).toHaveLength(phases.length + steps.length);
    expect(phases.map(({ name }) => name)).toEqual(container);
    expectToAddUp(phases, 0, total);
    const all = phases.find(({ name }) => name === 'steps');
    expect(steps.length).toBeGreaterThan(150);
    expectToAddUp(steps, all?.at ?? -1, all?.took ?? -1);
  },
);

test.each([[[]], [['--vm']]])('%j: a box that has other clocks is timed by the host’s', (flags) => {
  const directory = newDirectory();
  const [bundle, file] = [join(directory, 'config.json'), join(directory, 'timing')];
  const types = ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup', 'time'];
  const config = {
    ociVersion: '1.2.0',
    root: { path: starter.image, readonly: true },
    process: { cwd: '/', args: ['/bin/true'], user: { uid: 0, gid: 0 } },
    mounts: [{ destination: '/proc', type: 'proc' }],
    linux: {
      namespaces: types.map((type) => ({ type })),
      timeOffsets: { monotonic: { secs: 100_000 } },
    },
  };
  writeFileSync(bundle, JSON.stringify(config));
  expect(tsbox(['run', ...flags, '--timing-file', file, '--config', bundle]).status).toBe(0);
  const { phases }: { phases: Phase[] } = JSON.parse(readFileSync(file, 'utf8'));
  expectConsecutive(phases);
  const made = phases.find(({ name }) => name === 'steps' || name === 'init');
  expectConsecutive(made?.parts ?? []);
  expect(made?.parts.some(({ name }) => name.startsWith('setns(time'))).toBe(true);
  const ofAll = ((phases.at(-1)?.end ?? 0) - (phases[0]?.start ?? 0)) / 1e9;
  expect(ofAll).toBeLessThan(100);
});

test('a file that cannot be written is an error that names it', () => {
  const result = tsbox(['run', '--timing-file', '/no/such/file', 'busybox', '--', 'true']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toMatch(/^tsbox: --timing-file \/no\/such\/file: ENOENT.*\n$/);
});

test('no file is written without --timing', () => {
  const cwd = newDirectory();
  expect(tsboxFor({ cwd }, ['run', 'busybox', '--', 'true']).status).toBe(0);
  expect(existsSync(join(cwd, 'tsbox-timing.json'))).toBe(false);
});

test('--vm: QEMU, kernel and init are phases, and init made the calls that explain --vm prints', () => {
  const directory = newDirectory();
  const file = join(directory, 'timing');
  const words = ['--vm', '--snapshot=never', 'busybox', '--', 'true'];
  expect(tsbox(['run', '--timing-file', file, ...words])).toMatchObject({
    status: 0,
    stdout: '',
  });
  const { phases }: { phases: Phase[] } = JSON.parse(readFileSync(file, 'utf8'));
  expect(phases.map(({ name }) => name)).toEqual([
    ...['Node', 'parse', 'plan', 'prepare', 'QEMU', 'kernel', 'machine', 'init', 'workload'],
    'clean-up',
  ]);
  expectConsecutive(phases);
  for (const { start, end } of phases) expect(end).toBeGreaterThan(start);
  const init = phases.find(({ name }) => name === 'init');
  expectConsecutive(init?.parts ?? []);
  expect(init?.parts[0]?.start).toBeGreaterThanOrEqual(init?.start ?? Infinity);
  expect(init?.parts.at(-1)?.end).toBeLessThanOrEqual(init?.end ?? 0);

  const { stdout } = tsbox(['explain', ...words]);
  expect(stdout).toMatch(/^\S*qemu-system-\S+ \\\n( {2}-.* \\\n)+ {2}-.*\n$/m);
  expect(stdout).toMatch(/^ {2}-kernel \S+ \\$/m);
  const planned = readPlan(stdout.slice(stdout.indexOf("# The guest's init")));
  expect(planned.filter(({ why }) => why === '')).toEqual([]);
  const machine = phases.find(({ name }) => name === 'machine');
  const made = [...(machine?.parts ?? []), ...(init?.parts ?? [])];
  const { skipped, unplanned } = compareWithPlan(planned, made);
  expect(unplanned).toEqual([]);
  expect(withoutExcuse(planned, skipped)).toEqual([]);
  expect(skipped.length).toBeLessThan(planned.length * 0.2);
});

function expectConsecutive(phases: readonly Phase[]): void {
  expect(phases.length).toBeGreaterThan(1);
  for (const [index, { start, end }] of phases.entries()) {
    expect(end).toBeGreaterThanOrEqual(start);
    if (index > 0) expect(start).toBe(phases[index - 1]?.end);
  }
}

interface Line {
  readonly took: number;
  readonly at: number;
  readonly indent: number;
  readonly name: string;
}

function readLine(line: string): Line {
  const match = /^ *(\d+\.\d{3}) ms +(\d+\.\d{3}) ms {2}( *)(\S.*)$/.exec(line);
  if (match === null) throw new Error(`not a line of a phase: ${line}`);
  const [, took, at, indent, name] = match;
  return { took: Number(took), at: Number(at), indent: indent?.length ?? 0, name: name ?? '' };
}

/** Each was rounded to a microsecond. */
function expectToAddUp(lines: readonly Line[], from: number, sum: number): void {
  let at = from;
  for (const line of lines) {
    expect(Math.abs(line.at - at)).toBeLessThan(0.0025);
    at = line.at + line.took;
  }
  expect(Math.abs(at - from - sum)).toBeLessThan(0.0035);
}
