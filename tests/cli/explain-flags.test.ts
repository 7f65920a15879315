/** Where each flag of `run` shows up in the plan that `explain` prints. */
import { expect, test } from 'vitest';
import { tsbox } from '../host/tsbox.ts';
import { type Call, explain, readPlan } from './plan.ts';

const command = ['busybox', '--', 'true'];
/** Without the ids of its own that are the default. */
const plain = explain('--userns=host', ...command);
const plans = new Map<string, Call[]>();

test.each([
  ['-v /etc:/v', 'Host files', /^open_tree\(AT_FDCWD, "\/etc", OPEN_TREE_CLONE/],
  ['-v /etc:/v', 'Mounts', /^openat2\(root, "v", /],
  ['-v /etc:/v:ro', 'Mounts', /^mount_setattr\(mount\d+, .*MOUNT_ATTR_RDONLY/],
  ['-v /etc:/v:noexec', 'Mounts', /^mount_setattr\(mount\d+, .*AT_RECURSIVE, .*MOUNT_ATTR_NOEXEC/],
  [
    '-v /etc:/v:bind',
    'Host files',
    /^open_tree\(AT_FDCWD, "\/etc", OPEN_TREE_CLONE\|OPEN_TREE_CLOEXEC\)/,
  ],
  [
    '--userns=auto -v /etc:/v:idmap',
    'tsbox, while the new process waits',
    /"\/etc".*MOUNT_ATTR_IDMAP/,
  ],
  [
    '--mount type=bind,src=/etc,dst=/v,ro',
    'Mounts',
    /^mount_setattr\(mount\d+, .*MOUNT_ATTR_RDONLY/,
  ],
  ['--tmpfs /t:size=1m', 'Mounts', /^openat2\(root, "t", /],
  ['--tmpfs /t:size=1m', 'Mounts', /^fsconfig\(mount\d+\.fs, FSCONFIG_SET_STRING, "size", "1m", 0/],
  ['--device /dev/full:/dev/x', 'Host files', /^open_tree\(AT_FDCWD, "\/dev\/full", .*= device0$/],
  ['--device /dev/full:/dev/x', 'Devices', /^move_mount\(device0, .* device0\.place/],
  ['--device /dev/full:/x/y', 'Devices', /^openat2\(root, "x\/y", /],
  ['--read-only', 'Change of root', /^mount_setattr\(root, .*MOUNT_ATTR_RDONLY/],
  ['--writable', 'Root file system', /^mount_setattr\(root, .*MOUNT_ATTR_NODEV/],
  ['--userns=auto', 'tsbox makes the process, in namespaces of its own', /\|CLONE_NEWUSER\b/],
  ['--userns=auto', 'tsbox, while the new process waits', /busybox".*MOUNT_ATTR_IDMAP/],
  ['--userns=auto', 'tsbox, while the new process waits', /uid_map", "0 [1-9]\d* 65536\\n"\)$/],
  ['--userns=auto', 'tsbox, while the new process waits', /gid_map", "0 [1-9]\d* 65536\\n"\)$/],
  ['--ulimit nofile=10:20', 'Resource limits', /RLIMIT_NOFILE, \{rlim_cur=10, rlim_max=20\}/],
  ['--umask 077', 'Workload', /^umask\(077\)$/],
  ['--hostname teapot', 'Host name', /^sethostname\("teapot", 6\)$/],
  ['--hostname teapot', 'Workload', /^execve\("\/bin\/true", .*"HOSTNAME=teapot"/],
  ['-w /tmp', 'Workload', /^chdir\("\/tmp"\)$/],
  ['-u 1000:2000', 'User and capabilities', /^setresuid\(1000, 1000, 1000\)$/],
  ['-u 1000:2000', 'User and capabilities', /^setresgid\(2000, 2000, 2000\)$/],
  ['-u 1000:2000', 'User and capabilities', /^capset\(.*effective=0, permitted=0, inheritable=0/],
  ['-u 1000 --cap-add NET_ADMIN', 'User and capabilities', /^capset\(.*permitted=CAP_NET_ADMIN,/],
  ['-u 1000 --cap-add NET_ADMIN', 'User and capabilities', /PR_CAP_AMBIENT_RAISE, 12, /],
  ['--cap-drop CHOWN', 'User and capabilities', /^prctl\(PR_CAPBSET_DROP, CAP_CHOWN, /],
  ['--group-add tty --group-add 9', 'User and capabilities', /^setgroups\(2, \[5, 9\]\)$/],
  ['--oom-score-adj 9', 'Process attributes', /^write\(oom_score_adj, "9", 1\)$/],
  ['--security-opt mask=/etc', 'Masked and read-only paths', /^openat2\(root, "etc", /],
  ['--entrypoint /x', 'Workload', /^execve\("\/x", \["\/x", "true"\]/],
  ['--shm-size 1m', 'Mounts', /^fsconfig\(mount\d+\.fs, FSCONFIG_SET_STRING, "size", "1048576", 0/],
  ['--sysctl kernel.sem=1', 'Kernel parameters', /^openat2\(mount0, "sys\/kernel\/sem", /],
  ['--read-only', 'Mounts', /^openat2\(root, "var\/tmp", /],
  [
    '--read-only --read-only-tmpfs=false',
    'Change of root',
    /^mount_setattr\(mount1, .*MOUNT_ATTR_RDONLY/,
  ],
  ['--mount type=image,src=busybox,dst=/i', 'Mounts', /^openat2\(root, "i", /],
  ['--ipc=host', 'Host files', /^open_tree\(AT_FDCWD, "\/dev\/shm", OPEN_TREE_CLONE/],
  ['--userns=auto --pid=host', 'Mounts', /^open_tree\(AT_FDCWD, "\/proc", OPEN_TREE_CLONE/],
  ['--pid=host', 'Landlock', /scoped=LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET[^|]*$/],
  ['-e NAME=value', 'Workload', /^execve\("\/bin\/true", .*"NAME=value"/],
])('%s shows up in "%s" as %s', (flags, section, pattern) => {
  const ids = flags.includes('--userns') ? [] : ['--userns=host'];
  const plan = plans.get(flags) ?? explain(...ids, ...flags.split(' '), ...command);
  plans.set(flags, plan);
  const found = plan.filter(({ call }) => pattern.test(call));
  expect(new Set(found.map((each) => each.section))).toEqual(new Set([section]));
  expect(plain.filter(({ call }) => pattern.test(call))).toEqual([]);
});

test.each(['--debug', '--timing', '--timing=json'])('%s changes no call', (flag) => {
  expect(explain('--userns=host', flag, ...command)).toEqual(plain);
});

test('--rootfs with the directory of an image is the same as the name of the image', () => {
  const image = /"([^"]*\/images\/busybox)"/.exec(plain.map(({ call }) => call).join('\n'))?.[1];
  expect(explain('--userns=host', '--rootfs', image ?? '', '--', 'true')).toEqual(plain);
});

const limits = [
  ['--memory', '64m', /^write\(".*\/tsbox\/ID\/memory\.max", "67108864"\)$/],
  ['--cpus', '1.5', /^write\(".*\/tsbox\/ID\/cpu\.max", "150000 100000"\)$/],
  ['--pids-limit', '50', /^write\(".*\/tsbox\/ID\/pids\.max", "50"\)$/],
] as const;

for (const [flag, value, pattern] of limits) {
  const [refusal] = /--\S+ needs .*/.exec(tsbox(['run', flag, value, ...command]).stderr) ?? [];
  const title = `${flag}: its limit is written, or refused as run refuses it`;
  test(title, () => {
    const { stdout, stderr } = tsbox(['explain', flag, value, ...command]);
    if (refusal !== undefined) expect(stdout + stderr).toContain(refusal);
    else expect(readPlan(stdout).some(({ call }) => pattern.test(call))).toBe(true);
  });
}
