import { expect, test } from 'vitest';
import { milliseconds, runProcess } from '../../src/bench/spawn.ts';

const sh = (script: string, timeout = 20) => runProcess(['sh', '-c', script], 'keep', timeout);

test('output, errors and status of a process', async () => {
  expect(await sh('echo out; echo err >&2; exit 3')).toMatchObject({
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

test('a signal is 128 and its number', async () => {
  expect((await sh('kill -TERM $$')).status).toBe(143);
});

test('a program that is not there is 127, at once', async () => {
  const run = await runProcess(['/no/such/program'], 'drop', 600);
  expect(run.status).toBe(127);
  expect(run.stderr).toContain('ENOENT');
});

test('one that hangs is ended', async () => {
  const run = await sh('exec sleep 60', 1);
  expect(run.status).toBe(137);
  expect(run.stderr).toBe('still running after 1 s, so it was ended\n');
});

test('the time ends with the process, not with what it leaves running', async () => {
  const run = await sh('sleep 3 & exit 0');
  expect(run.status).toBe(0);
  expect(milliseconds(run)).toBeLessThan(3000);
});
