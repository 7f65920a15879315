/**
 * Limits of a user's boxes where systemd runs the host and nobody has given the user a cgroup: in a
 * scope that tsbox has it make.
 */
import { expect, test } from 'vitest';
import { besideSystemd, manager, scope, USER, untilGone } from './beside-systemd.ts';
import { namesOf } from './rig.ts';

const look = 'cd /sys/fs/cgroup; cat memory.max pids.max; cat /proc/self/cgroup';
const state = `/run/user/${USER}/tsbox/boxes`;

const lines = {
  'the limits of a scope': `
    session tsbox run --memory 64m --pids-limit 50 busybox -- sh -c '${look}'
    ${untilGone}`,
  'a scope while it is there': `
    session tsbox run --memory 64m busybox -- sh -c 'trap exit TERM; sleep 1000 & wait' &
    until ls -d ${scope}/tsbox/*/box; do sleep 0.1; done >/dev/null 2>&1
    cat ${scope}/own/cgroup.procs | wc -l; cat ${scope}/pids.max
    cat ${scope}/tsbox/*/box/memory.max
    cut -d / -f 5- /proc/$(head -n 1 ${scope}/tsbox/*/box/cgroup.procs)/cgroup | sed 's/[0-9a-f]\\{12\\}/ID/g'
    session busctl --user get-property org.freedesktop.systemd1 \\
      /org/freedesktop/systemd1/unit/$(basename ${scope} .scope | sed s/-/_2d/)_2escope \\
      org.freedesktop.systemd1.Scope Delegate
    kill -TERM $(cat ${scope}/own/cgroup.procs); wait; ${untilGone}`,
  'in a scope of another program': `
    session systemd-run --user --scope --quiet tsbox run --memory 64m busybox -- cat /sys/fs/cgroup/memory.max
    cat ${manager}/app.slice/cgroup.subtree_control
    session systemd-run --user --scope --quiet tsbox run busybox -- echo there
    ${untilGone}`,
  'memory taken': `
    session tsbox run --memory 16m busybox -- sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo survived'
    echo $?; ${untilGone}`,
  'processes taken': `
    session tsbox run --pids-limit 3 busybox -- sh -c 'sleep 9 & sleep 9 & sleep 9 & sleep 9 & wait'
    ${untilGone}`,
  'tsbox killed': `
    session tsbox run --memory 64m busybox -- sleep 1000 &
    until ls -d ${scope}/tsbox/*/box; do sleep 0.1; done >/dev/null 2>&1
    box=$(cat ${scope}/tsbox/*/box/cgroup.procs)
    kill -KILL $(cat ${scope}/own/cgroup.procs); wait
    ${untilGone}; ls -d /proc/$box; ls ${state} | wc -l
    session tsbox run busybox -- true; ls ${state} | wc -l`,
  'tsbox killed while it asks': `
    for pause in 0.05 0.3 0.5 0.6 0.7 0.8 0.9 1.0; do
      session tsbox run --memory 64m busybox -- sleep 1000 & sleep $pause; kill -KILL $!; wait
    done 2>/dev/null
    ${untilGone}; session tsbox run busybox -- true; ls ${state} | wc -l`,
};
const ran = besideSystemd(lines);

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('limits are kept in a scope, which is gone afterwards', async () => {
  const { stdout, stderr } = await ran('the limits of a scope');
  expect(stdout).toBe('67108864\n50\n0::/\n');
  expect(stderr).toContain('No such file');
});

test('tsbox and its box are in a scope that is delegated and has no limit of its own', async () => {
  const { stdout } = await ran('a scope while it is there');
  expect(stdout).toBe('1\nmax\n67108864\napp.slice/tsbox-ID.scope/tsbox/ID/box\nb true\n');
});

test('cgroups that systemd divides itself are left to it', async () => {
  const { stdout } = await ran('in a scope of another program');
  expect(stdout).toBe('67108864\nmemory pids\nthere\n');
});

test('what takes more memory is ended', async () => {
  const { stdout, stderr } = await ran('memory taken');
  expect(stdout).toBe('137\n');
  expect(stderr).toContain('the box ran out of memory (--memory)');
});

test('there are no more processes than were allowed', async () => {
  expect((await ran('processes taken')).stderr).toContain("can't fork");
});

test('a killed tsbox takes its box with it, systemd the scope, and the next run the rest', async () => {
  const { stdout, stderr } = await ran('tsbox killed');
  expect(stdout).toBe('1\n0\n');
  expect(stderr).toMatch(/proc\/\d+'?: No such file/);
});

test('a tsbox that is killed at any moment leaves nothing that the next run does not remove', async () => {
  expect((await ran('tsbox killed while it asks')).stdout).toBe('0\n');
});
