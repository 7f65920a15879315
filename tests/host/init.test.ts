import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { initLife } from './init-life.ts';
import { childrenOf } from './processes.ts';
import { eachLeavesNothing, started, tsbox } from './tsbox.ts';

const scratch = mkdtempSync(join(tmpdir(), 'init-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

eachLeavesNothing();

initLife();

test.each(['wait4', 'rt_sigtimedwait', 'close_range', 'kill'])(
  'a profile that denies %s is not for --init, which says so',
  (denied) => {
    const path = join(scratch, `${denied}.json`);
    const syscalls = [{ names: [denied], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }];
    writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
    const flags = ['--init', '--security-opt', `seccomp=${path}`];
    const { status, stderr } = tsbox(['run', ...flags, 'busybox', 'sleep', '100']);
    expect(status).toBe(125);
    expect(stderr).toContain('the seccomp profile denies a call that --init needs');
  },
);

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
