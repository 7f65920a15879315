/** Limits of a user's boxes for which systemd makes no scope: refused, with the reason and what to do. */
import { expect, test } from 'vitest';
import { besideSystemd, manager, USER, untilGone } from './beside-systemd.ts';
import { namesOf } from './rig.ts';

const lines = {
  'a controller that the user is not given': `
    session tsbox run --cpus 1.5 busybox -- true; echo $?; ${untilGone}
    session tsbox doctor | grep -A 2 'cgroup v2'`,
  'no bus': `
    mv /run/user/${USER}/bus /run/user/${USER}/no-bus
    session tsbox run --memory 64m busybox -- true; echo $?
    session tsbox run busybox -- echo there
    session env DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/${USER}/no-bus \
      tsbox run --memory 64m busybox -- cat /sys/fs/cgroup/memory.max
    session tsbox doctor | grep -A 2 'cgroup v2'
    mv /run/user/${USER}/no-bus /run/user/${USER}/bus`,
  'a refusal': `
    session systemctl --user --quiet mask --runtime app.slice
    session tsbox run --memory 64m busybox -- true; echo $?
    session systemctl --user --quiet unmask --runtime app.slice
    rmdir /run/user/${USER}/systemd/user`,
  'systemd hangs': `
    kill -STOP $(cat ${manager}/init.scope/cgroup.procs)
    session tsbox run --memory 64m busybox -- true; echo $?
    session sh -c 'tsbox run --memory 64m busybox -- true & sleep 2; kill -TERM $!; wait $!; echo $?'
    kill -CONT $(cat ${manager}/init.scope/cgroup.procs)
    ${untilGone}`,
};
const ran = besideSystemd(lines);

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('a controller that systemd does not give to users is refused, and doctor knows', async () => {
  const { stdout, stderr } = await ran('a controller that the user is not given');
  expect(stderr).toContain(
    '--cpus needs the cpu controller of cgroup v2, which systemd does not let your cgroups have (only memory, pids): root runs `systemctl edit user@.service`',
  );
  expect(stdout).toMatch(/^125\n/);
  expect(stdout).toMatch(
    /limited +cgroup v2 +by a scope of systemd’s in \S+\/app\.slice: memory pids\n.*--cpus are refused/,
  );
});

test('without a bus a limit is refused with what to do, and a box without one runs', async () => {
  const { stdout, stderr } = await ran('no bus');
  expect(stderr).toMatch(
    /^tsbox: --memory needs a cgroup that belongs to you, .*; systemd gives none, as there is no \/run\/user\/34\/bus by which yours could be asked: .*loginctl enable-linger 34/,
  );
  expect(stdout).toMatch(/^125\nthere\n67108864\n/);
  expect(stdout).toMatch(/missing +cgroup v2 .*\n.*systemd gives none, as there is no/);
});

test('what systemd says of a refusal is told', async () => {
  const { stdout, stderr } = await ran('a refusal');
  expect(stderr).toMatch(
    /; systemd gives none, as it refused: Unit app\.slice is masked: `journalctl/,
  );
  expect(stdout).toBe('125\n');
});

test('a systemd that hangs is not waited for', async () => {
  const { stdout, stderr } = await ran('systemd hangs');
  expect(stderr).toMatch(/; systemd gives none, as it did not answer within 20 s: see whether/);
  expect(stdout).toBe('125\n143\n');
});
