/** newuidmap(1) asks the host's databases of users, which may not answer: it holds nothing up for ever. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { tsbox as library, request, runContainer } from './library.ts';
import { ordinaryUser, USER } from './ordinary-user.ts';
import { eachLeavesNothing, program, tsbox } from './tsbox.ts';

eachLeavesNothing();
const user = ordinaryUser('subordinate');
const by = [...user.inside, ...user.become, program];
const left = () => ({ running: processesNamed('newuidmap'), state: readdirSync(boxes) });
const boxes = `${user.env.XDG_RUNTIME_DIR}/tsbox/boxes`;

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends it, and tsbox', async (signal) => {
  // With the ids as its arguments it sleeps for a day.
  const hangs = 'mount --bind /usr/bin/sleep /usr/bin/newuidmap && exec "$0" "$@"';
  const start = ['unshare', '-m', 'sh', '-c', hangs, ...by];
  const [command = '', ...words] = [...start, 'run', 'busybox', '--', 'true'];
  const child = spawn(command, words, { stdio: 'inherit' });
  const ended = once(child, 'close');
  await expect.poll(() => processesNamed('newuidmap').length, { timeout: 5000 }).toBe(1);
  child.kill(signal);
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  expect(await ended).toEqual([codes[signal], null]);
  expect(left()).toEqual({ running: [], state: [] });
});

test('it is the one in PATH, wherever the host has it', () => {
  const [elsewhere, own] = [mkdtempSync('/tmp/map-programs-'), '/usr/bin/new?idmap'];
  onTestFinished(() => rmSync(elsewhere, { recursive: true }));
  const moved = `chmod 755 ${elsewhere}; cp -p ${own} ${elsewhere}; for each in ${own}; do mount --bind /dev/null $each; done`;
  const mapWith = (path: string) =>
    tsbox(
      ['run', 'busybox', '--', 'cat', '/proc/self/uid_map'],
      '',
      { ...process.env, PATH: path },
      ['unshare', '-m', 'sh', '-c', `${moved}; exec "$0" "$@"`, ...by],
    ).stdout.replaceAll(/ +/g, ' ');
  expect(mapWith(`/usr/bin:/bin:${elsewhere}`)).toBe(` 0 ${USER} 1\n 1 700000 65536\n`);
  expect(mapWith('/usr/bin:/bin')).toBe(` 0 ${USER} 1\n`);
});

test('it is killed when its time is up', async () => {
  const plan = (...of: Parameters<typeof library.planContainer>) => ({
    ...library.planContainer(...of),
    during: [
      {
        call: 'execute' as const,
        argv: ['/bin/sleep', '5'],
        seconds: 0.1,
        why: 'it is slow',
        hint: '',
      },
    ],
  });
  await expect(runContainer(request(['true']), plan)).rejects.toThrow(
    /^execute failed: \/bin\/sleep did not end in 0\.1 s and was killed\n[\s\S]*what to do: it may wait for a name service/,
  );
});

function processesNamed(name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name;
    } catch {
      return false;
    }
  });
}
