/** Boxes that the library starts in this very process: plans that its caller changes, signals, listeners. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { ContainerPlan } from '../../src/index.ts';
import { tsbox as library, openDescriptors, request, runContainer } from './library.ts';
import { compileProbe, readProbe } from './probe.ts';
import { eachLeavesNothing } from './tsbox.ts';

const scratch = mkdtempSync('/tmp/library-test-');
afterAll(() => rmSync(scratch, { recursive: true }));
compileProbe(scratch);
eachLeavesNothing();

test('a plan can be made for either way, whatever the host offers', async () => {
  for (const mountApi of ['descriptors', 'paths'] as const) {
    const exit = await runContainer(request(['true'], { userns: 'host' }), (box, host) =>
      library.planContainer(box, { ...host, mountApi }),
    );
    expect(exit).toEqual({ kind: 'exited', code: 0 });
  }
});

/** The plan up to the workload; then it ends with what prctl(PR_GET_DUMPABLE) says. */
function endWithDumpable(plan: ContainerPlan): ContainerPlan {
  const steps = plan.sections.flatMap((section) => section.steps);
  const before = steps.filter(({ call }) => call !== 'execve' && call !== 'close_range');
  const number = (value: number) => ({ kind: 'number', value }) as const;
  const ask = { call: 'prctl', args: [number(3)], into: 'dumpable', why: 'test' } as const;
  const end = {
    call: 'exit_group',
    args: [{ kind: 'slot', slot: 'dumpable' }],
    why: 'test',
  } as const;
  return { ...plan, sections: [{ title: 'all', steps: [...before, ask, end] }] };
}

test('until the workload is executed its process is not dumpable', async () => {
  const exit = await runContainer(request(['true']), (...args) =>
    endWithDumpable(library.planContainer(...args)),
  );
  expect(exit).toEqual({ kind: 'exited', code: 0 });
});

test('a thread that does nothing but wait is there for a signal', async () => {
  let heard: () => void = () => undefined;
  const signalled = new Promise<void>((settle) => {
    heard = settle;
  });
  process.on('SIGUSR2', heard);
  // Again and again, as the box may not be there yet.
  const sender = spawn('sh', ['-c', `while sleep 0.3; do kill -USR2 ${process.pid}; done`]);
  onTestFinished(async () => {
    const ended = once(sender, 'exit');
    sender.kill('SIGKILL');
    await ended;
    process.off('SIGUSR2', heard);
  });
  const exit = await runContainer(request(['sleep', '600']), undefined, async (box) => {
    const ended = box.wait(600_000);
    await signalled;
    box.signal(9);
    return ended;
  });
  expect(exit).toEqual({ kind: 'signalled', signal: 9, oomKilled: false });
});

test('a box that is killed in the middle of denied calls ends', async () => {
  const loop = 'echo on; while true; do mount -t tmpfs a /tmp 2>/dev/null; done';
  const box = { ...request(['sh', '-c', loop]), watch: 'denied' as const };
  const exit = await runContainer(
    box,
    undefined,
    (running) => {
      setTimeout(() => running.signal(9), 300);
      return running.wait();
    },
    () => undefined,
  );
  expect(exit).toMatchObject({ kind: 'signalled', signal: 9 });
});

test.each(['denied', 'all'] as const)(
  'a box watched for %s leaves no descriptor',
  async (watch) => {
    await runContainer(request(['true']));
    await runContainer({ ...request(['true']), watch });
    const before = openDescriptors();
    for (let run = 0; run < 5; run++) await runContainer({ ...request(['true']), watch });
    const missing = { ...request(['no-such-program']), watch };
    await expect(runContainer(missing)).rejects.toThrow('command not found');
    expect(openDescriptors()).toBe(before);
  },
);

test('priorities, scheduler and personality of a specification', async () => {
  const line = '/p/probe >/p/out';
  const box = request(['sh', '-c', line], { volume: [`${scratch}:/p`] });
  const { spec } = box;
  const process = {
    ...spec.process,
    ...{
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
      scheduler: { policy: 'SCHED_BATCH', nice: 3 },
    },
  };
  const linux = { ...spec.linux, ...{ personality: { domain: 'LINUX32' } } };
  await runContainer({ ...box, spec: { ...spec, process, linux } } as typeof box);
  expect(readProbe(readFileSync(`${scratch}/out`, 'utf8'))).toMatchObject({
    ioprio: String((2 << 13) | 6),
    scheduler: '3',
    personality: '8',
  });
});

test.each<[string, object, string]>([
  ['another number', { minor: 4 }, '/dev/null: its minor is 3, not 4'],
  ['another mode', { fileMode: 0o600 }, `/dev/null: its fileMode is ${0o666}, not ${0o600}`],
  ['a block device', { type: 'b' }, '/dev/null: its type is c, not b'],
  ['a FIFO', { type: 'p' }, '/dev/null: a FIFO is no device'],
  ['no such node', { source: '/dev/no-such' }, '/dev/no-such: no device of the host is there'],
])('a specification with %s is refused', async (_, other, message) => {
  const box = request(['true']);
  const device = { path: '/dev/null', type: 'c', major: 1, minor: 3, ...other } as const;
  const spec = { ...box.spec, linux: { ...box.spec.linux, devices: [device] } };
  await expect(runContainer({ ...box, spec })).rejects.toThrow(message);
});

test('a specification’s device of the type u is a character device', async () => {
  const box = request(['sh', '-c', 'echo > /dev/null']);
  const device = { path: '/dev/null', type: 'u', major: 1, minor: 3 } as const;
  const spec = { ...box.spec, linux: { ...box.spec.linux, devices: [device] } };
  expect(await runContainer({ ...box, spec })).toEqual({ kind: 'exited', code: 0 });
  expect(library.findDevices('/dev/null')).toMatchObject([{ type: 'c', major: 1, minor: 3 }]);
});
