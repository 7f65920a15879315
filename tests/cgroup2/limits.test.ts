/** `--memory`, `--cpus` and `--pids-limit` on a host that has all three controllers. */
import { expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

const lines = {
  // Before the first limit is asked for, the host's controllers are not even switched on.
  'no limit': `tsbox run busybox -- ls /sys/fs/cgroup; cat /sys/fs/cgroup/cgroup.subtree_control`,
  'all limits': `tsbox run --memory 64m --cpus 1.5 --pids-limit 50 busybox -- sh -c '
    cd /sys/fs/cgroup; cat memory.max memory.swap.max memory.oom.group cpu.max pids.max'`,
  'no limit after others': `
    mkfifo end
    tsbox run -i busybox -- sh -c 'echo up; read -r _; ls /sys/fs/cgroup' <end >limitless &
    exec 3>end
    until grep -q up limitless; do sleep 0.1; done
    (cd /sys/fs/cgroup/tsbox/*/ && cat memory.max memory.oom.group cpu.max pids.max)
    echo >&3; wait $!; echo $?
    grep -v '^cgroup\\.' limitless`,
  'memory too little to start': 'tsbox run --memory 4k busybox -- true',
  'memory taken': `tsbox run --memory 16m busybox -- sh -c '
    dd if=/dev/zero of=/dev/null bs=64M count=1; echo survived'`,
  'memory taken by files': `tsbox run --memory 16m busybox -- sh -c '
    head -c 64m /dev/zero >/big; echo survived'`,
  'memory enough': `tsbox run --memory 128m busybox -- sh -c '
    dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null && echo survived; exit 137'`,
  'killed by somebody': `
    tsbox run --memory 64m busybox -- sh -c 'echo up; sleep 1000' >up &
    until grep -q up up; do sleep 0.1; done
    cat /sys/fs/cgroup/tsbox/*/memory.max
    echo 1 | tee /sys/fs/cgroup/tsbox/*/cgroup.kill >/dev/null
    wait $!`,
  // 2^7 processes if nothing stops it; the first of the box looks on without making any.
  'fork bomb': `tsbox run --pids-limit 20 busybox -- sh -c '
    bomb() { for i in 1 2; do [ $1 = 6 ] || bomb $(($1 + 1)) & done; exec sleep 1000; }
    (bomb 0) &
    turn=0 max=0
    while [ "$max" = 0 ] && [ $turn -lt 20000 ]; do
      turn=$((turn + 1))
      read -r _ max </sys/fs/cgroup/pids.events
    done
    read -r current </sys/fs/cgroup/pids.current
    echo $max $current'`,
  'busy loop': `tsbox run --cpus 0.2 busybox -- sh -c '
    i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done
    cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.stat'`,
  doctor: 'tsbox doctor --json',
};
const ran = onRig(lines);

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('no limit asked: no controller is switched on, no file of one is written', async () => {
  const { status, stdout } = await ran('no limit');
  // What every cgroup has, and nothing of the host's list of controllers that are on.
  const others = stdout.split('\n').filter((name) => !/^cgroup\./.test(name));
  expect({ status, others }).toEqual({ status: 0, others: ['cpu.stat', ''] });
});

test('no limit asked where the controllers are on: none is set', async () => {
  expect(await ran('no limit after others')).toMatchObject({
    status: 0,
    stdout: 'max\n0\nmax 100000\nmax\n0\nup\ncpu.stat\n',
  });
});

test('the limits are those of the box’s cgroup, as it can read itself', async () => {
  expect(await ran('all limits')).toMatchObject({
    status: 0,
    stdout: `${64 * 2 ** 20}\n0\n1\n150000 100000\n50\n`,
    stderr: '',
  });
});

test('--memory: a box that cannot even start with it is refused with the reason', async () => {
  const { status, stderr } = await ran('memory too little to start');
  expect(status).toBe(125);
  expect(stderr).toMatch(/^tsbox: clone3: E[\s\S]*what to do: .*--memory/);
});

test.each(['memory taken', 'memory taken by files'] as const)(
  '--memory: the whole of a box that takes more is killed, and tsbox says why: %s',
  async (name) => {
    const { status, stdout, stderr } = await ran(name);
    expect({ status, stdout }).toEqual({ status: 137, stdout: '' });
    expect(stderr).toMatch(/^tsbox: .*ran out of memory.*--memory.*\n$/);
  },
);

test('--memory: a box that takes less ends as it wants, and its exit status 137 is its own', async () => {
  expect(await ran('memory enough')).toMatchObject({
    status: 137,
    stdout: 'survived\n',
    stderr: '',
  });
});

test('--memory: a kill by somebody else is not taken for a lack of memory', async () => {
  expect(await ran('killed by somebody')).toMatchObject({
    status: 137,
    stdout: `${64 * 2 ** 20}\n`,
    stderr: '',
  });
});

test('--pids-limit: a fork bomb is stopped at the limit', async () => {
  const { status, stdout } = await ran('fork bomb');
  const [refused = 0, alive = 0] = stdout.split(' ').map(Number);
  expect(status).toBe(0);
  expect(refused).toBeGreaterThan(0);
  expect(alive).toBeLessThanOrEqual(20);
});

test('--cpus: a busy loop is throttled', async () => {
  const { status, stdout } = await ran('busy loop');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^20000 100000\n/);
  expect(stdout).toMatch(/^nr_throttled [1-9]/m);
});

test('doctor: cgroup v2 with cpu, memory and pids is ok', async () => {
  const { status, stdout } = await ran('doctor');
  const { checks } = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(checks.find(({ name }: { name: string }) => name === 'cgroup v2')).toMatchObject({
    status: 'ok',
    what: expect.stringMatching(/^\/sys\/fs\/cgroup: (?=.*\bcpu\b)(?=.*\bmemory\b)(?=.*\bpids\b)/),
    why: '',
  });
});
