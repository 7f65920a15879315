/** Causes that can be provoked on a host of the test's own alone: its sysctls, and cgroups with controllers. */
import { expect, test } from 'vitest';
import { namesOf, onRig } from './rig.ts';

const within = `mkdir -p /sys/fs/cgroup/inner; echo $$ >/sys/fs/cgroup/inner/cgroup.procs;
  echo +memory +pids >/sys/fs/cgroup/cgroup.subtree_control`;
const asRoot = (script: string) => `${within}
  unshare -m sh -c 'mount --bind /sys/fs/cgroup/inner /sys/fs/cgroup; ${script}'
  echo $$ >/sys/fs/cgroup/cgroup.procs; rmdir /sys/fs/cgroup/inner/tsbox /sys/fs/cgroup/inner 2>/dev/null`;

const lines = {
  'Debian’s sysctl': `
    echo 0 >/proc/sys/kernel/unprivileged_userns_clone
    setpriv --reuid 65534 --regid 65534 --clear-groups tsbox doctor >doctor
    echo 1 >/proc/sys/kernel/unprivileged_userns_clone
    grep -A2 'namespace user' doctor`,
  'user namespaces of the host': `
    most=$(cat /proc/sys/user/max_user_namespaces)
    echo 0 >/proc/sys/user/max_user_namespaces
    tsbox run --userns=auto busybox -- true
    echo $most >/proc/sys/user/max_user_namespaces`,
  'mounts of the host': `
    most=$(cat /proc/sys/fs/mount-max)
    echo $(($(wc -l </proc/self/mountinfo) + 5)) >/proc/sys/fs/mount-max
    tsbox run busybox -- true
    echo $most >/proc/sys/fs/mount-max`,
  'processes in the cgroup': asRoot('tsbox run --memory 64m busybox -- true'),
  'too little memory': 'tsbox run --memory 4k busybox -- true',
  // Without a word about its network.
  'no packet filter': 'do=run; tsbox $do --userns=host busybox -- ip -o link',
  'no packet filter, and a bridge is asked for': 'tsbox run --network=bridge busybox -- true',
  'a file system without maps': 'tsbox run --userns=auto busybox -- true',
};
const ran = onRig(lines);

test.each(namesOf(lines))('nothing is left: %s', async (name) => {
  expect((await ran(name)).left).toEqual([]);
});

test('kernel.unprivileged_userns_clone', async () => {
  const { stdout } = await ran('Debian’s sysctl');
  expect(stdout).toContain('a user namespace is refused: kernel.unprivileged_userns_clone is 0\n');
  expect(stdout).toContain('as root: sysctl -w kernel.unprivileged_userns_clone=1\n');
});

test('a box gets its loopback interface alone where the kernel has no nf_tables', async () => {
  const { status, stdout, stderr } = await ran('no packet filter');
  expect(stderr).toMatch(/^tsbox: the box has its loopback interface alone: [^\n]+\n$/);
  expect(stdout).toMatch(/^1: lo: [^\n]+\n$/);
  expect(status).toBe(0);
});

test('who asks for a bridge is refused there', async () => {
  const { status, stderr } = await ran('no packet filter, and a bridge is asked for');
  expect(stderr).toContain('the kernel must have nf_tables');
  expect(status).toBe(125);
});

test.each([
  [
    'user namespaces of the host',
    'a user namespace alone is refused: user.max_user_namespaces is 0',
    'as root: sysctl -w user.max_user_namespaces=15000',
  ],
  [
    'mounts of the host',
    /^fs.mount-max is \d+, and a box begins with the \d+ mounts that tsbox sees$/,
    'as root: sysctl -w fs.mount-max=100000',
  ],
  [
    'processes in the cgroup',
    /^processes are in that very cgroup \(\d+, \d+.* in \/sys\/fs\/cgroup\/cgroup.procs\), so that it cannot pass on limits$/,
    'move them to a cgroup below it (cgroups(7), "no internal processes"), or run tsbox in a cgroup of its own: systemd-run --user --scope --property=Delegate=yes tsbox …',
  ],
  [
    'too little memory',
    'the same process is made outside of the box’s cgroup, so that it is the cgroup that has too little memory for it',
    'allow the box more memory (--memory)',
  ],
  [
    'a file system without maps',
    /^the file system of \/\S+\/images\/busybox, tmpfs, cannot map owners on Linux 6\.1\S+: it can from 6\.3 on$/,
    'keep it on ext4, xfs or btrfs, or leave --userns=auto (and idmap) out',
  ],
] as const)('%s', async (name, cause, mend) => {
  const { stderr } = await ran(name);
  const told = (word: string) => new RegExp(`^ *${word}: (.*)$`, 'm').exec(stderr)?.[1];
  expect(told('cause')).toEqual(typeof cause === 'string' ? cause : expect.stringMatching(cause));
  expect(told('what to do')).toBe(mend);
});
