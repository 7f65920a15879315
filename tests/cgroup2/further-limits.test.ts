/** Podman's other flags for limits, read back from the files of a host with pure cgroup v2. */
import { expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

const read = (...files: string[]) => `sh -c 'cd /sys/fs/cgroup; cat ${files.join(' ')}'`;

const lines = {
  shares: `for n in 2 1024 262144; do tsbox run --cpu-shares $n busybox -- ${read('cpu.weight')}; done`,
  'usual shares': `tsbox run -c 0 busybox -- ls /sys/fs/cgroup`,
  processors: `tsbox run --cpuset-cpus 0 --cpuset-mems 0 busybox -- ${read('cpuset.cpus', 'cpuset.mems', 'cpuset.cpus.effective')}`,
  'no such processor': `tsbox run --cpuset-cpus 4000 busybox -- true`,
  swap: `
    tsbox run -m 64m --memory-swap 96m busybox -- ${read('memory.max', 'memory.swap.max')}
    tsbox run -m 64m --memory-swap 64m busybox -- ${read('memory.swap.max')}
    tsbox run -m 64m --memory-swap -1 busybox -- ${read('memory.swap.max')}`,
  reservation: `tsbox run -m 64m --memory-reservation 32m busybox -- ${read('memory.low', 'memory.max')}`,
  'reservation alone': `tsbox run --memory-reservation 32m busybox -- ${read('memory.low', 'memory.max')}`,
  'shared processes': `
    tsbox run --pid=host busybox -- sh -c 'sleep 1000 & sleep 1000 & echo $$'
    ps -o comm | grep -c sleep`,
};
const ran = onRig(lines);

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('--cpu-shares becomes the weight that other runtimes make of it', async () => {
  expect(await ran('shares')).toMatchObject({ status: 0, stdout: '1\n39\n10000\n', stderr: '' });
  expect((await ran('usual shares')).stdout).not.toContain('cpu.weight');
});

test('--cpuset-cpus and --cpuset-mems', async () => {
  const { status, stdout, stderr } = await ran('processors');
  // The rig's kernel may have been built without that controller.
  if (status === 0) expect({ stdout, stderr }).toEqual({ stdout: '0\n0\n0\n', stderr: '' });
  else expect(stderr).toMatch(/^tsbox: --cpuset-cpus or --cpuset-mems needs the cpuset controller/);
  const none = await ran('no such processor');
  expect(none.status).toBe(125);
  expect(none.stderr).toMatch(/cpuset/);
});

test('--memory-swap is memory and swap together', async () => {
  const kernelCounts = (await ran('swap')).stderr === '';
  // Where the kernel does not count swap, a limit of it is refused.
  if (kernelCounts) expect((await ran('swap')).stdout).toBe(`${2 ** 26}\n${2 ** 25}\n0\nmax\n`);
  else expect((await ran('swap')).stderr).toMatch(/memory\.swap\.max/);
});

test('--memory-reservation', async () => {
  expect((await ran('reservation')).stdout).toBe(`${2 ** 25}\n${2 ** 26}\n`);
  expect((await ran('reservation alone')).stdout).toBe(`${2 ** 25}\nmax\n`);
});

test('--pid=host: all processes of the box end with it', async () => {
  expect((await ran('shared processes')).stdout).toMatch(/^\d+\n0\n$/);
});
