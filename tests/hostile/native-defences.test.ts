/** Ways out that the native part stands in: each is seen to succeed when it is built without. */
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { syscallNumbers } from '../../src/abi/syscalls.ts';
import { sleepMilliseconds } from '../../src/plan/machine-calls.ts';
import { step } from '../../src/plan/step.ts';
import { hostArch } from '../../src/sandbox/host.ts';
import { tsbox as library } from '../host/library.ts';
import { dropCalls, dropSection, keepPrivilege } from './attacks.ts';
import {
  type Change,
  compile,
  copyOfBusybox,
  type Outcome,
  type Planner,
  runHere,
  scratchDirectory,
} from './box.ts';
import { makeCanaries, picture, runtimePicture } from './canary.ts';
import { stripped } from './stripped.ts';

const top = scratchDirectory();
const [rootfs, canaries, volume] = ['image', 'canaries', 'volume'].map((name) =>
  join(top, name),
) as [string, string, string];
mkdirSync(volume);
compile('attack', volume);
copyOfBusybox(rootfs);
makeCanaries(canaries);

const planned =
  (change: Change): Planner =>
  (...of) =>
    change(library.planContainer(...of), ...of);

describe("overwriting the runtime's own binary (CVE-2019-5736)", () => {
  /** A box that sees the host's processes and may look into each: nothing but the seals is left. */
  const sees = planned((plan, ...of) => ({
    ...keepPrivilege(dropSection('Landlock')(plan, ...of), ...of),
    clone: plan.clone.filter((flag) => flag !== 'CLONE_NEWPID'),
  }));
  /** A start that takes its time. */
  const slow = planned((plan) => ({
    ...plan,
    sections: [
      { title: 'Pause', steps: [1, 2].map(() => step(sleepMilliseconds(900), 'to be found')) },
      ...plan.sections,
    ],
  }));

  async function overwrite(using: typeof library): Promise<string> {
    const words = ['/v/attack', 'overwrite-later', String(process.pid)];
    const attacking = runHere(rootfs, words, { volume: [`${volume}:/v`] }, sees, using);
    // The workload looks for it meanwhile.
    const victim = await runHere(rootfs, ['true'], {}, slow, using);
    expect(victim).toMatchObject({ status: 0, error: '' });
    return (await attacking).stdout;
  }

  test('the program that makes a box is sealed', async () => {
    const before = runtimePicture();
    expect(await overwrite(library)).toMatch(/^held open, not written: /);
    expect(runtimePicture()).toEqual(before);
  });

  test('it succeeds without the seals', async () => {
    const seals = `syscall('fcntl', fd, F_ADD_SEALS, allSeals);`;
    const unsealed = await stripped([
      { file: 'src/linux/native.ts', from: seals, to: 'void [F_ADD_SEALS, allSeals];' },
    ]);
    expect(await overwrite(unsealed)).toMatch(
      /^ESCAPED: the program of process \d+ was overwritten/,
    );
  });
});

describe('leaked descriptor or working directory (CVE-2016-9962, 2024-21626)', () => {
  const module = { exports: {} as { syscall: (...words: number[]) => number } };
  process.dlopen(module, new URL('../../dist/native/tsbox.node', import.meta.url).pathname);
  const { syscall } = module.exports;
  const numbers = syscallNumbers[hostArch()];

  // Without O_CLOEXEC, which Node always sets.
  const F_DUPFD = 0;
  const directory = openSync(canaries, 'r');
  const leaks = Array.from({ length: 64 }, () => syscall(numbers.fcntl, directory, F_DUPFD, 3));
  afterAll(() => {
    for (const fd of leaks) syscall(numbers.close, fd);
  });
  const last = Math.max(...leaks);

  const look =
    'for n in /proc/self/fd/*; do [ -e $n/set-user-id ] && echo "ESCAPED: $n"; done; ls /proc/self/fd | wc -l';
  const kinds = [{}, { userns: 'auto' }];

  test.each(kinds)('64 descriptors that the parent leaks, %j', async (options) => {
    const { stdout } = await runHere(rootfs, ['sh', '-c', look], options);
    // Its own, and that of the directory it lists.
    expect(stdout).toMatch(/^[45]\n$/);
  });

  /** Every number as the working directory: what is written there, or ESCAPED, shows where it leads. */
  async function enterEach(planner: Planner, using: typeof library): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (let fd = 0; fd <= last; fd++) {
      const words = ['sh', '-c', '[ -e set-user-id ] && echo ESCAPED'];
      outcomes.push(
        await runHere(rootfs, words, { workdir: `/proc/self/fd/${fd}` }, planner, using),
      );
    }
    return outcomes;
  }

  test('-w /proc/self/fd/N for every N', async () => {
    const before = picture(canaries);
    for (const outcome of await enterEach(library.planContainer, library)) {
      expect(outcome).toMatchObject({ status: 125, stdout: '', hung: false, left: [] });
      expect(outcome.error).toMatch(/^chdir failed: (ENOENT|ENOTDIR|EACCES)/);
    }
    expect(picture(canaries)).toEqual(before);
  });

  test('both succeed without close_range in the plan and in the launch', async () => {
    const close = 'sys3(__NR_close_range, count, ~0u, 0)';
    const leaky = await stripped([{ file: 'native/launch.c', from: close, to: '0' }]);
    const planner = planned(dropCalls('close_range'));
    const { stdout } = await runHere(rootfs, ['sh', '-c', look], {}, planner, leaky);
    expect(stdout).toMatch(/^ESCAPED/);
    const outcomes = await enterEach(planner, leaky);
    expect(outcomes.filter((outcome) => outcome.stdout === 'ESCAPED\n').length).toBeGreaterThan(0);
  });

  test('one of the two is enough', async () => {
    const planner = planned(dropCalls('close_range'));
    const { stdout } = await runHere(rootfs, ['sh', '-c', look], {}, planner);
    expect(stdout).not.toMatch(/ESCAPED/);
  });
});
