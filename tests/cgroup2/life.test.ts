/** What a box leaves on its host: nothing, whoever is killed and whatever the host lacks. */
import { describe, expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

/** Of a user without any right, whose image is its own. */
const asUser = `
    mkdir user; cp -a $TSBOX_DATA/images/busybox user; truncate -s 300M user/busybox/large
    chown -R 1234:1234 user; chmod 666 /dev/fuse
    box="setpriv --reuid=1234 --regid=1234 --clear-groups env XDG_RUNTIME_DIR=$PWD/user tsbox run --network=none"
    box="$box --rootfs $PWD/user/busybox --"`;

const both = {
  writes: `
    tsbox run --rootfs $TSBOX_DATA/images/busybox -- sh -c '
      echo x >/etc/new; rm /bin/ls; cat /etc/new; grep " / " /proc/mounts'
    tsbox run busybox -- sh -c '[ ! -e /etc/new ] && [ -e /bin/ls ]'`,
  // What outlives its tsbox is played by a process of the host's.
  'tsbox killed': `
    tsbox run busybox -- sh -c 'sleep 1000 & echo up; sleep 1000' >up &
    until grep -q up up; do sleep 0.1; done
    kill -KILL $!; wait $!
    ls /run/tsbox/boxes | sed 's/^[0-9a-f]*//'
    find /sys/fs/cgroup/tsbox -mindepth 1 -type d | wc -l
    sleep 30 >/dev/null 2>&1 &
    echo $! | tee /sys/fs/cgroup/tsbox/*/cgroup.procs >/dev/null
    tsbox run busybox -- echo next
    wait $!; echo $?`,
  'something that cannot be removed': `
    cd /run/tsbox/boxes
    touch 0f.lock; mkdir 0f; mount -t tmpfs none 0f
    tsbox run busybox -- echo next
    umount 0f
    tsbox run busybox -- echo next`,
};
const withOverlay = {
  ...both,
  'two at once': `
    mkfifo in
    tsbox run -i --memory 64m busybox -- sh -c '
      echo up; read -r _; cat /sys/fs/cgroup/memory.max' <in >first &
    exec 3>in
    until grep -q up first; do sleep 0.1; done
    tsbox run --memory 32m busybox -- cat /sys/fs/cgroup/memory.max
    echo go >&3
    wait $!
    cat first`,
};
const withoutOverlay = {
  ...both,
  explain: 'tsbox explain busybox -- true',
  'served to a user': `${asUser}
    $box sh -c 'echo x >/etc/new; rm /bin/ls; cat /etc/new; grep " / " /proc/mounts'
    ls user/busybox/etc/new user/busybox/bin/ls user/tsbox/boxes; rm -r user`,
  // Who waits for what it has begun to do cannot be killed.
  'served by a program that does not answer': `${asUser}
    $box sh -c 'trap "exit 3" TERM; (echo x >>/large) & echo up; while :; do :; done' >up & pid=$!
    until grep -q up up; do sleep 0.02; done
    server=$(pgrep -x fuse-overlayfs); kill -STOP $server
    kill -TERM $pid; wait $pid; echo $?
    kill -0 $server 2>&1 | grep -c 'No such process'; ls user/tsbox/boxes; rm -r user`,
  'ended while copying': `
    cp -a $TSBOX_DATA/images/busybox large
    dd if=/dev/zero of=large/zeros bs=1M count=150 2>/dev/null
    tsbox run --rootfs large -- echo started 2>said & pid=$!
    until grep -q 'copied first' said && pgrep -x cp >/dev/null; do sleep 0.02; done
    kill -TERM $pid; wait $pid; echo $?
    pgrep -x cp
    rm -r large`,
  'a deep tree': `
    tsbox run busybox -- sh -c '
      name=$(printf %0250d 0)
      deep() { mkdir $1; cd $1; for level in 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir $name; cd $name; done; }
      deep /lower; ln -s / link
      deep /upper; mv /lower . && echo moved'`,
  'no cgroups': `unshare -m sh -c '
    umount /sys/fs/cgroup
    tsbox run busybox -- ls /sys/fs/cgroup
    tsbox run --memory 64m --cpus 1 busybox -- true'`,
  // Version 2 gives up a controller that it has not used so far.
  'memory in version 1': `
    mkdir v1; mount -t cgroup -o memory none v1
    tsbox run --memory 64m --pids-limit 50 busybox -- true; echo $?
    tsbox run --pids-limit 50 busybox -- cat /sys/fs/cgroup/pids.max
    umount v1`,
};
/** For the tests' own eyes, which must see what is left. */
const careless = `
  mkdir /sys/fs/cgroup/tsbox/left
  touch /run/tsbox/boxes/left $TSBOX_DATA/images/busybox/etc/passwd
  mkdir mount; mount -t tmpfs left mount
  sleep 30 >/dev/null 2>&1 &`;

const ran = onRig({ ...withOverlay, careless });
const ranWithout = onRig(withoutOverlay, '--no-overlay');

describe('with overlayfs', () => {
  test.each(namesOf(withOverlay))('nothing is left: %s', async (name) => {
    expect((await ran(name)).left).toEqual([]);
  });

  test('a cgroup, a file, a change of the image, a mount or a process would be seen', async () => {
    expect((await ran('careless')).left).toEqual([
      '/sys/fs/cgroup/tsbox/left',
      '/run/tsbox/boxes/left',
      expect.stringMatching(/^\/var\/tmp\/tsbox\/images\/busybox\/etc\/passwd, changed at /),
      expect.stringContaining('/dev/shm/mount rw'),
      expect.stringMatching(/^process \d+, sleep$/),
    ]);
  });

  test('what is written goes to an overlay and vanishes', async () => {
    const { status, stdout } = await ran('writes');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^x\n\S+ \/ overlay .*\n$/);
  });

  test('a run removes the cgroup, its processes and the state that a killed tsbox left', async () => {
    expect(await ran('tsbox killed')).toMatchObject({
      status: 0,
      stdout: '.lock\n2\nnext\n137\n',
    });
  });

  test('what cannot be removed is said and hinders no other run', async () => {
    const { status, stdout, stderr } = await ran('something that cannot be removed');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'next\nnext\n' });
    expect(stderr).toMatch(
      /^tsbox: something is left of box 0f, whose tsbox was killed; .*: EBUSY: .*\n$/,
    );
  });

  test('boxes that run at once keep their own limits, and neither removes the other', async () => {
    expect(await ran('two at once')).toMatchObject({
      status: 0,
      stdout: `${32 * 2 ** 20}\nup\n${64 * 2 ** 20}\n`,
      stderr: '',
    });
  });
});

describe('without overlayfs', () => {
  test.each(namesOf(withoutOverlay))('nothing is left: %s', async (name) => {
    expect((await ranWithout(name)).left).toEqual([]);
  });

  test('a signal ends the copying of an image', async () => {
    expect(await ranWithout('ended while copying')).toMatchObject({ stdout: '143\n' });
  });

  test('what is written goes to a copy of the image and vanishes', async () => {
    const { status, stdout, stderr } = await ranWithout('writes');
    expect(status).toBe(0);
    expect(stderr).toMatch(/^(tsbox: there is no overlayfs for it: the image is copied .*\n){2}$/);
    expect(stdout).toMatch(/^x\ntmpfs \/ tmpfs .*\n$/);
  });

  test('a run removes the copy that a killed tsbox left, too', async () => {
    expect(await ranWithout('tsbox killed')).toMatchObject({
      status: 0,
      stdout: '\n.lock\n2\nnext\n137\n',
    });
  });

  test('a copy whose paths are too long for the kernel is removed', async () => {
    expect(await ranWithout('a deep tree')).toMatchObject({ status: 0, stdout: 'moved\n' });
  });

  test('fuse-overlayfs serves what a user’s box writes, which vanishes', async () => {
    const { stdout, stderr } = await ranWithout('served to a user');
    expect(stdout).toMatch(/^x\nnone \/ fuse .*\nuser\/busybox\/bin\/ls\n\nuser\/tsbox\/boxes:\n$/);
    expect(stderr).toMatch(
      /^tsbox: there is no overlayfs here: fuse-overlayfs does the same .*\nls: /,
    );
  });

  test('fuse-overlayfs that does not answer ends with the box', async () => {
    expect(await ranWithout('served by a program that does not answer')).toMatchObject({
      stdout: '3\n1\n',
    });
  });

  test('explain names the copy and why it is made', async () => {
    const { status, stdout } = await ranWithout('explain');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^copy\("[^"]*\/busybox", "[^"]*\/boxes\/ID"\)\s+# .*no overlayfs/m);
  });
});

describe('without controllers', () => {
  test('of cgroups altogether: a box without limits runs, and every limit is refused', async () => {
    const { status, stdout, stderr } = await ranWithout('no cgroups');
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    for (const flag of ['--memory', '--cpus'])
      expect(stderr).toContain(`${flag} needs cgroup v2, which is not mounted`);
  });

  test('of one that cgroup v1 holds: its limit is refused, the others are kept', async () => {
    const { stdout, stderr } = await ranWithout('memory in version 1');
    expect(stdout).toBe('125\n50\n');
    expect(stderr).toMatch(/^tsbox: --memory needs the memory controller of cgroup v2.*\n/);
    expect(stderr).not.toContain('--pids-limit');
  });
});
