/** newuidmap(1) asks the host's databases of users, which may not answer: it holds nothing up for ever. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tsbox as library, request, runContainer } from './library.ts';
import { ordinaryUser } from './ordinary-user.ts';
import { eachLeavesNothing } from './tsbox.ts';

eachLeavesNothing();
const { by, runtime } = ordinaryUser('subordinate');
const left = () => ({ running: processesNamed('newuidmap'), state: readdirSync(boxes) });
const boxes = `${runtime}/tsbox/boxes`;

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends it, and tsbox', async (signal) => {
  // With the ids as its arguments it sleeps for a day.
  const hangs = 'mount --bind /usr/bin/sleep /usr/bin/newuidmap && exec "$0" "$@"';
  const words = ['-m', 'sh', '-c', hangs, ...by, 'run', 'busybox', '--', 'true'];
  const child = spawn('unshare', words, { stdio: 'inherit' });
  const ended = once(child, 'close');
  await expect.poll(() => processesNamed('newuidmap').length, { timeout: 5000 }).toBe(1);
  child.kill(signal);
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  expect(await ended).toEqual([codes[signal], null]);
  expect(left()).toEqual({ running: [], state: [] });
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
