/** Every step of making a container is made to fail, and tsbox killed at every moment: nothing is left. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BoxError, ContainerPlan, HostAction, Step } from '../../src/index.ts';
import { openDescriptors, request, runContainer, tsbox } from './library.ts';
import { shell, starter, through, traces } from './tsbox.ts';

// The sealed copy of tsbox-init stays open from the first box on, and so does its device filter.
await runContainer(request(['true']));

let before: unknown;
const state = () => ({ ...traces(), descriptors: openDescriptors() });
beforeEach(() => {
  before = state();
});
afterEach(() => expect(state()).toEqual(before));

const much = { volume: ['/etc:/v:ro'], tmpfs: ['/t'], readOnly: true };
const boxes =
  starter.user === 0
    ? {
        'an ordinary box': request(['true'], { ...much, userns: 'host' }),
        'a box in a user namespace': request(['true'], { userns: 'auto', ulimit: ['core=0'] }),
      }
    : { 'a box of a user’s': request(['true'], much) };

/** So that the suite takes no longer than needed, users do less of the same. */
const [runs, everyMs] = starter.user === 0 ? [200, 6] : [20, 30];

/** Calls that cannot fail, whatever their arguments. */
const infallible = new Set(['setsid', 'umask', 'setresuid', 'setresgid']);
const minusOne = { kind: 'number', value: -1, text: '-1' } as const;

/** The same call with arguments that mean nothing; for one that cannot fail, another before it. */
function spoiled(step: Step): Step {
  const { call, why } = step;
  return infallible.has(call)
    ? { call: 'fchdir', args: [minusOne], why }
    : { call, args: Array.from({ length: 6 }, () => minusOne), why };
}

function withStep(plan: ContainerPlan, index: number, step: Step): ContainerPlan {
  const steps = plan.sections.flatMap((section) => section.steps).with(index, step);
  return { ...plan, sections: [{ title: 'all', steps }] };
}

async function failureWith(
  box: ReturnType<typeof request>,
  change: (plan: ContainerPlan) => ContainerPlan,
): Promise<BoxError> {
  const outcome = runContainer(box, (...args) => change(tsbox.planContainer(...args)));
  return outcome.then(
    (exit) => expect.fail(`it did not fail: ${JSON.stringify(exit)}`),
    (error: BoxError) => error,
  );
}

describe.each(Object.entries(boxes))('%s', (_, box) => {
  let plan: ContainerPlan | undefined;
  const planned = async (): Promise<ContainerPlan> => {
    if (plan === undefined)
      await runContainer(box, (...args) => {
        plan = tsbox.planContainer(...args);
        return plan;
      });
    return plan as ContainerPlan;
  };

  test('a step that fails is named with its errno and its reason', async () => {
    const steps = (await planned()).sections.flatMap((section) => section.steps);
    const leaks: string[] = [];
    for (const [index, step] of steps.entries()) {
      if (step.call === 'execve') continue;
      const bad = spoiled(step);
      const error = await failureWith(box, (own) => withStep(own, index, bad));
      expect(error.message).toContain(`${bad.call} failed: E`);
      expect(error.message).toContain(step.why);
      expect(error).toMatchObject({ name: 'BoxError', exitCode: 125 });
      if (!isDeepStrictEqual(state(), before)) leaks.push(`step ${index}, ${step.call}`);
    }
    expect(leaks).toEqual([]);
  });

  test.each(['before', 'during'] as const)(
    'what tsbox does itself %s the clone is named when it fails',
    async (when) => {
      const actions = (await planned())[when];
      for (const [index, action] of actions.entries()) {
        const bad: HostAction = { call: 'rmdir', path: '/proc/self', why: action.why };
        const error = await failureWith(box, (own) => ({
          ...own,
          [when]: own[when].with(index, bad),
        }));
        expect(error.message).toMatch(/^rmdir failed: E.*\n {2}call: rmdir\("\/proc\/self"/);
        expect(error.message).toContain(action.why);
        expect(isDeepStrictEqual(state(), before)).toBe(true);
      }
    },
  );

  test('a clone that the kernel refuses is explained', async () => {
    const error = await failureWith(box, (own) => ({
      ...own,
      clone: [...own.clone, 'CLONE_PIDFD', 'CLONE_INTO_CGROUP'].slice(1) as typeof own.clone,
      cgroup: { entry: '/proc', account: '/proc' },
    }));
    expect(error.message).toMatch(/^clone3: E[\s\S]*why it is made: /);
  });
});

test('tsbox killed at any moment leaves nothing that the next run does not remove', async () => {
  const [command = '', ...words] = through();
  for (let delay = 20; delay < 200; delay += everyMs) {
    const child = spawn(command, [...words, 'run', 'busybox', '--', 'sleep', '1000'], {
      stdio: 'ignore',
    });
    const ended = new Promise((settle) => child.once('close', settle));
    await sleep(delay);
    child.kill('SIGKILL');
    await ended;
  }
  // The kernel ends the boxes' processes by itself, and a moment later.
  await expect.poll(() => traces().processes).toEqual([]);
  expect(shell('true').status).toBe(0);
});

test(`${runs} boxes in one process leave nothing, and no descriptor open`, async () => {
  for (let run = 0; run < runs; run++)
    expect(await runContainer(request(['true']))).toEqual({ kind: 'exited', code: 0 });
});

test(`${runs} runs of the program leave nothing`, { timeout: 120_000 }, () => {
  for (let run = 0; run < runs; run++) expect(shell('exit 3').status).toBe(3);
});

test('ten boxes at once', async () => {
  const boxes = Array.from({ length: 10 }, (_, index) =>
    runContainer(request(['sh', '-c', `sleep 0.1; exit ${index}`])),
  );
  const codes = (await Promise.all(boxes)).map((exit) => (exit.kind === 'exited' ? exit.code : -1));
  expect(codes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
