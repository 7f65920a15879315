/** A workload that outlives its killed tsbox, as one whose first process changes its user does: without a cgroup, too. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ordinaryUser } from './ordinary-user.ts';
import { eachLeavesNothing, program, tsbox } from './tsbox.ts';

eachLeavesNothing();

const noCgroups = [
  'unshare',
  '-m',
  'sh',
  '-c',
  'umount /sys/fs/cgroup/unified 2>/dev/null || umount /sys/fs/cgroup; exec "$0" "$@"',
];
const { inside, become } = ordinaryUser('subordinate');

let seconds = 77_000;
test.each<[string, readonly string[], string[]]>([
  ['with ids of its own', [program], []],
  ['with the ids of the host', [program], ['--userns=host']],
  ['of a user', [...inside, ...become, program], []],
])('a box %s ends with the next run', async (_, starter, flags) => {
  const mark = `${++seconds}.5`;
  const [command = '', ...first] = [...noCgroups, ...starter, 'run'];
  const workload = ['busybox', '--', 'su', '-s', '/bin/sh', 'nobody', '-c', `exec sleep ${mark}`];
  const child = spawn(command, [...first, ...flags, ...workload], { stdio: 'inherit' });
  const ended = once(child, 'close');
  await expect.poll(() => sleeping(mark).length, { timeout: 5000 }).toBe(1);
  const [pid = ''] = sleeping(mark);
  child.kill('SIGKILL');
  await ended;
  // It is what it is about: a kernel that ended it would leave nothing to be done.
  await new Promise((settle) => setTimeout(settle, 200));
  expect(sleeping(mark)).toEqual([pid]);
  try {
    const next = tsbox(['run', ...flags, 'busybox', '--', 'true'], '', process.env, [
      ...noCgroups,
      ...starter,
    ]);
    expect(next).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(sleeping(mark)).toEqual([]);
  } finally {
    for (const left of sleeping(mark)) process.kill(Number(left), 'SIGKILL');
  }
});

function sleeping(mark: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${mark}\0`;
    } catch {
      return false;
    }
  });
}
