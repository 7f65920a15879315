/**
 * What a terminal costs: the start of a container with `-t` and without, by turns, by the library; and
 * how long a key takes to its echo at a plain terminal, at a container's and at a micro-VM's, by turns.
 * Milliseconds: median and median absolute deviation.
 *
 *   npm run build && sudo sh scripts/with-node bench/terminal.ts [ROUNDS]
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summarize } from '../src/bench/statistics.ts';
import type * as library from '../src/index.ts';

const top = new URL('..', import.meta.url).pathname;
const tsbox: typeof library = await import(join(top, 'dist/index.js'));
const rounds = Number(process.argv[2] ?? 100);
const facts = tsbox.imageFacts(
  tsbox.findImage('busybox', tsbox.dataDirectory(process.env, 0), '/'),
);
const caller = { env: {}, cwd: '/', findDevices: () => [], ids: tsbox.plainRoot };
const null_ = openSync('/dev/null', 'r+');
const stdio = { stdin: null_, stdout: null_, stderr: null_ };

/** Up to the execution of the workload. */
async function start(tty: boolean): Promise<number> {
  const options = { ...tsbox.noOptions, tty, command: ['true'] };
  const request = tsbox.specFromOptions(options, facts, caller);
  const began = performance.now();
  const box = await tsbox.startContainer(request, stdio, new tsbox.Timeline(), () => undefined);
  const took = performance.now() - began;
  await box.wait(20);
  if (box.terminal !== undefined) closeSync(box.terminal);
  return took;
}

const scratch = mkdtempSync(join(tmpdir(), 'tsbox-bench-'));
const echo = join(scratch, 'echo');
execFileSync('cc', ['-O1', '-o', echo, join(top, 'bench/echo.c')]);

/** Keys that are typed in one go at each terminal. */
const KEYS = 50;

function keys(...words: string[]): number[] {
  const shell = ['sh', '-c', "echo '~'; exec cat"];
  const printed = execFileSync(echo, [`${KEYS}`, ...words, ...shell], { encoding: 'utf8' });
  return printed
    .trim()
    .split('\n')
    .map((nanoseconds) => Number(nanoseconds) / 1e6);
}

function show(name: string, times: readonly number[]): void {
  const { median, mad } = summarize(times);
  console.log(`${name.padEnd(34)} ${median.toFixed(3)} ± ${mad.toFixed(3)} ms`);
}

const starts = { without: [] as number[], with: [] as number[] };
for (let round = -10; round < rounds; round++) {
  const [without, with_] = [await start(false), await start(true)];
  if (round < 0) continue;
  starts.without.push(without);
  starts.with.push(with_);
}
show('start of a container', starts.without);
show('start of one with a terminal', starts.with);
show(
  'the difference, by turns',
  starts.with.map((time, round) => time - (starts.without[round] ?? 0)),
);

const run = [join(top, 'bin/tsbox'), 'run', '--network=none', '-it'];
const subjects = {
  'a key at a plain terminal': [],
  "a key at a container's": [...run, 'busybox', '--'],
  "a key at a micro-VM's": [...run, '--vm', 'busybox', '--'],
};
const times = new Map(Object.keys(subjects).map((name) => [name, [] as number[]]));
for (let round = 0; round < Math.ceil(rounds / 30); round++)
  for (const [name, words] of Object.entries(subjects)) times.get(name)?.push(...keys(...words));
for (const [name, list] of times) show(name, list);
rmSync(scratch, { recursive: true });
