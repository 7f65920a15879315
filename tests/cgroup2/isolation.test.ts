/** The cgroup of a box, as its own root sees it: what it can read, and that it can change nothing. */
import { expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

/** The host's util-linux, as busybox's unshare makes no cgroup namespace, and its libraries. */
const utilLinux = '-v /usr/bin:/host:ro $(for lib in /lib*; do echo -v $lib:$lib:ro; done)';

const files = ['pids.max', 'cpu.max', 'memory.high', 'cgroup.subtree_control', 'cgroup.procs'];
const lines = {
  'what it sees': `tsbox run --memory 64m busybox -- sh -c '
    cat /proc/self/cgroup /proc/1/cgroup
    cat /sys/fs/cgroup/cgroup.procs
    find /sys/fs/cgroup -mindepth 1 -type d
    grep cgroup /proc/self/mountinfo'`,
  'what it tries': `tsbox run --memory 64m --cpus 1 --pids-limit 50 -e FILES='${files.join(' ')}' busybox -- sh -c '
    cd /sys/fs/cgroup
    mkdir below && echo made
    for file in $FILES; do (echo 1 >$file) && echo wrote $file; done
    mount -o remount,rw,bind /sys/fs/cgroup && echo remounted
    mount -o remount,rw /sys/fs/cgroup && echo remounted
    mount -t cgroup2 none /mnt && echo mounted
    unshare -Urm mount -t cgroup2 none /mnt && echo mounted'`,
};
/** The filter of system calls refuses namespaces to a box: here is what stands behind it. */
const unfiltered = '--security-opt seccomp=unconfined';
/** A user namespace of the box's own has the right to mount what its own cgroup namespace shows. */
const namespaces = `
  tsbox run --memory 64m ${unfiltered} ${utilLinux} busybox -- /host/unshare -UrmC sh -c '
    mount -t cgroup2 none /mnt
    echo max >/mnt/memory.max
    mkdir /mnt/below
    dd if=/dev/zero of=/dev/null bs=128M count=1; echo survived'
  tsbox run busybox -- echo next`;
/** The loop device's number, and null's, on a file system that may have devices; the second time in a cgroup below. */
const devices = `
  tsbox run --tmpfs /t:dev ${unfiltered} ${utilLinux} busybox -- sh -c '
    mknod /t/disk b 7 0
    mknod /t/null c 1 3
    try="for name in null disk; do (: </t/\\$name) && echo opened \\$name; done"
    eval "$try"
    /host/unshare -UrmC sh -c "
      mount -t cgroup2 none /mnt
      mkdir /mnt/below
      echo \\$\\$ >/mnt/below/cgroup.procs
      cat /proc/self/cgroup
      $try"'`;
/** The way to the last of these is longer than PATH_MAX: counted and removed here, step by step. */
const deep = `
  tsbox run ${unfiltered} ${utilLinux} busybox -- sh -c '
    /host/unshare -UrmC sh -c "
      mount -t cgroup2 none /mnt
      cd /mnt
      name=\\$(printf %0200d 0)
      while mkdir \\$name 2>/dev/null && cd \\$name 2>/dev/null; do :; done"
    echo made'
  tsbox run busybox -- echo next
  find /sys/fs/cgroup/tsbox -mindepth 1 -type d | wc -l
  find /sys/fs/cgroup/tsbox -mindepth 1 -depth -type d -execdir rmdir {} ';'`;
const ran = onRig({ ...lines, namespaces, devices, deep });

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('a box sees its own cgroup as the root, and none above or beside it', async () => {
  const { status, stdout } = await ran('what it sees');
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^0::\/\n0::\/\n1\n\d+\n\d+ \d+ \S+ \/ \/sys\/fs\/cgroup ro,\S+ - cgroup2 .*\n$/,
  );
});

test('a box can write no file of its cgroup, and make none below it', async () => {
  const { stdout, stderr } = await ran('what it tries');
  expect(stdout).toBe('');
  for (const file of ['below', ...files])
    expect(stderr).toMatch(new RegExp(`\\b${file}'?: Read-only file system$`, 'm'));
});

test('a box cannot mount the cgroup file system anew', async () => {
  const { stdout, stderr } = await ran('what it tries');
  expect(stdout).toBe('');
  expect(stderr).toMatch(/(mount: permission denied.*\n){3}/);
});

test('a box cannot lift its limits through namespaces of its own', async () => {
  const { stdout, stderr } = await ran('namespaces');
  expect(stdout).not.toContain('survived');
  expect(stderr).toMatch(/^tsbox: .*ran out of memory.*--memory.*\n$/m);
});

test('a cgroup that a box makes is removed with it, and hinders no other run', async () => {
  const { status, stdout, left } = await ran('namespaces');
  expect({ status, stdout, left }).toEqual({ status: 0, stdout: 'next\n', left: [] });
});

test('cgroups too deep for a path are removed, too, and hinder no other run', async () => {
  const { status, stdout, left } = await ran('deep');
  expect({ status, stdout, left }).toEqual({ status: 0, stdout: 'made\nnext\n0\n', left: [] });
});

test('its filter of devices holds in the cgroups that a box makes, too', async () => {
  const { stdout, stderr } = await ran('devices');
  expect(stdout).toBe('opened null\n0::/below\nopened null\n');
  expect(stderr.match(/\/t\/disk: Operation not permitted/g)).toHaveLength(2);
});
