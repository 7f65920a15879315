import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { initLife } from './init-life.ts';
import { childrenOf } from './processes.ts';
import { eachLeavesNothing, started } from './tsbox.ts';

eachLeavesNothing();

initLife();

test('PID 1 holds no descriptor, and little memory', async () => {
  const words = ['run', '--init', 'busybox', '--', 'sh', '-c', 'echo up; exec sleep 100'];
  const { child, ended } = await started(words, 'up');
  const [init = 0] = childrenOf(child.pid ?? 0);
  expect(readdirSync(`/proc/${init}/fd`)).toEqual([]);
  const resident = readFileSync(`/proc/${init}/smaps`, 'utf8').match(
    /r-xp[\s\S]*?\nRss: +(\d+)/,
  )?.[1];
  expect(Number(resident)).toBeLessThan(100);
  child.kill();
  await ended;
});
