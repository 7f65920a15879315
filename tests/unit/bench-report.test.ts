import { expect, test } from 'vitest';
import { choose } from '../../src/bench/bench.ts';
import { hostCommand, workloadStart } from '../../src/bench/compare.ts';
import { bar, formatTime, makeReport, printReport } from '../../src/bench/report.ts';
import { randomSequence } from '../../src/bench/schedule.ts';
import { sideBySide } from '../../src/bench/side-by-side.ts';
import { TextTail } from '../../src/bench/text-tail.ts';

const subject = (name: string, note = '') => ({
  name,
  what: `what ${name} is`,
  version: '1',
  note,
  argv: (run: number) => [name, String(run)],
});
const absent = { name: 'crun', why: 'not installed' };

test('the report for people', () => {
  const measurement = {
    measured: [
      { subject: subject('tsbox container', 'a note'), times: [10, 12, 11, 11, 11, 11] },
      { subject: subject('host process'), times: [1, 1, 1, 1, 1, 1] },
    ],
    failed: [{ name: 'tsbox VM', why: 'ended with status 125: first line\nsecond line' }],
  };
  const settings = { image: 'one', runs: 6, warmup: 1, seed: 5 };
  const host = { kernel: '6.1', processor: 'CPU', processors: 2, memory: 1, node: '22.0.0' };
  const report = makeReport(settings, host, measurement, [absent], randomSequence(1));
  expect(printReport(report)).toMatchInlineSnapshot(`
    "Benchmark: \`true\` in one, 6 runs of each after 1 to warm up, in random order (seed 5)
    2 × CPU, Linux 6.1, Node 22.0.0; times from start to end of the whole process

                       Time (median)       p95    Range (min … max)  spread (MAD)
      host process           1.00 ms   1.00 ms    1.00 ms … 1.00 ms       0.00 ms
      tsbox container       11.00 ms  11.75 ms  10.00 ms … 12.00 ms       0.00 ms

      host process     ███▋ 1.00 ms
      tsbox container  ████████████████████████████████████████ 11.00 ms

    Ratio of medians, with its 95 % interval
      11.00 (10.50 … 11.50) times the host process: tsbox container

    Notes
      tsbox container: a note
      crun left out: not installed
      tsbox VM left out: ended with status 125: first line
        second line"
  `);
  expect(report).toMatchObject({ version: 1, unit: 'ms', settings, host });
  expect(report.results[0]?.command).toEqual(['tsbox container', '0']);
  expect(report.absent.map(({ name }) => name)).toEqual(['crun', 'tsbox VM']);
});

test('too few runs: the report says why it has no interval', () => {
  const measured = [
    { subject: subject('runc'), times: [3] },
    { subject: subject('host process'), times: [2] },
  ];
  const settings = { image: 'one', runs: 1, warmup: 0, seed: 5 };
  const host = { kernel: '6.1', processor: 'CPU', processors: 2, memory: 1, node: '22.0.0' };
  const report = makeReport(settings, host, { measured, failed: [] }, [], () => 0);
  expect(printReport(report)).toContain(
    'Ratio of medians (a 95 % interval takes 6 runs or more)\n  1.50 times the host process: runc',
  );
});

test('a report without the host process has no ratios', () => {
  const measured = [{ subject: subject('runc'), times: [1, 2] }];
  const settings = { image: 'one', runs: 2, warmup: 0, seed: 5 };
  const host = { kernel: '6.1', processor: 'CPU', processors: 2, memory: 1, node: '22.0.0' };
  const report = makeReport(settings, host, { measured, failed: [] }, [], () => 0);
  expect(report.results[0]).not.toHaveProperty('ratio');
  expect(printReport(report)).not.toContain('Ratio');
});

test.each([
  [0.1234, '0.12 ms'],
  [99.99, '99.99 ms'],
  [123.4, '123 ms'],
  [12_345, '12.3 s'],
])('%d ms', (time, text) => {
  expect(formatTime(time)).toBe(text);
});

test.each([
  [1, '█'.repeat(40)],
  [0.5, '█'.repeat(20)],
  [1 / 80, '▌'],
  [0, '▏'],
])('bar of %d', (share, text) => {
  expect(bar(share)).toBe(text);
});

const all = [subject('host process'), subject('tsbox VM'), absent];
test.each([
  [[], ['host process', 'tsbox VM'], ['crun']],
  [['tsbox VM'], ['host process', 'tsbox VM'], []],
  [['crun'], ['host process'], ['crun']],
])('--subjects %j', (names, taking, left) => {
  const chosen = choose(all, names);
  expect(chosen.subjects.map(({ name }) => name)).toEqual(taking);
  expect(chosen.absent.map(({ name }) => name)).toEqual(left);
});

test('an unknown subject is refused with those there are', () => {
  expect(() => choose(all, ['runsc', 'crun', 'x'])).toThrow(
    '--subjects: no subject runsc, x; there are: host process, tsbox VM, crun',
  );
});

test('texts side by side: broken, padded, without control characters', () => {
  const rows = [
    { label: 'output', cells: ['one\ntwo', `${'x'.repeat(20)}`] },
    { label: 'status', cells: ['\x1b[31mred', ''] },
  ];
  expect(sideBySide(['host', 'box'], rows, 36)).toMatchInlineSnapshot(`
    "        host           box
    output  one            xxxxxxxxxxxxx
            two            xxxxxxx
    status  ·[31mred"
  `);
});

test('commands of the host are taken from the host, others from the image', () => {
  expect(hostCommand(['sh', '-c', 'x'], '/r')).toEqual(['sh', '-c', 'x']);
  expect(hostCommand(['/no/such'], '/r')).toEqual(['/no/such']);
  expect(hostCommand(['no-such-program', 'x'], '/r')).toEqual([
    '/r/bin/busybox',
    'no-such-program',
    'x',
  ]);
});

test.each([
  [
    {
      phases: [
        { name: 'plan', start: '5' },
        { name: 'workload', start: '1500' },
      ],
    },
    500n,
  ],
  [{ phases: [{ name: 'workload', start: 1500 }] }, 500n],
  [{ phases: [{ name: 'plan', start: '5' }] }, undefined],
  [{}, undefined],
])('start of the workload in %j', (timing, start) => {
  expect(workloadStart(timing, 1000n)).toBe(start);
});

test('the tail of a stream', () => {
  const tail = new TextTail(5);
  for (const piece of ['abc', 'def', '', 'g']) tail.add(Buffer.from(piece));
  expect(tail.text()).toBe('cdefg');
});
