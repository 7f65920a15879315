/** What probes conclude from what they have seen: also of hosts that no test can be. */
import { describe, expect, test } from 'vitest';
import { type ErrnoName, errnoNumber } from '../../src/abi/errno.ts';
import type { Attempt } from '../../src/causes/attempt.ts';
import { judgeBoxCgroup } from '../../src/causes/box-cgroup.ts';
import { judgeCapability } from '../../src/causes/capability.ts';
import type { Cause } from '../../src/causes/cause.ts';
import { judgeCgroup } from '../../src/causes/cgroup-delegation.ts';
import { judgeCovered } from '../../src/causes/covered-mounts.ts';
import { judgeDeviceFilter } from '../../src/causes/device-filter.ts';
import { hasCall, isSince } from '../../src/causes/kernel-calls.ts';
import { judgeMissingFileSystem } from '../../src/causes/missing-file-system.ts';
import { judgeMountLimit } from '../../src/causes/mount-limit.ts';
import { usedUp } from '../../src/causes/namespace-limits.ts';
import { judgeOwnerMaps } from '../../src/causes/owner-maps.ts';
import { judgeProcesses } from '../../src/causes/processes.ts';
import { judgeReadOnly } from '../../src/causes/read-only-mount.ts';
import { judgeRefusedCall } from '../../src/causes/refused-calls.ts';
import { parseStatus, softLimit } from '../../src/causes/status.ts';
import { judgeSubordinateIds } from '../../src/causes/subordinate-ids.ts';
import { judgeUserNamespace } from '../../src/causes/user-namespace.ts';

const sentence = (cause: Cause | undefined) => {
  // Whatever is proved can be mended.
  if (cause !== undefined) expect(cause.mend).not.toBe('');
  return cause?.sentence;
};

const done: Attempt = { end: 'done' };
const refused = (error: ErrnoName): Attempt => ({
  end: 'refused',
  call: 'prctl',
  errno: errnoNumber(error),
});
const notCloned = (error: ErrnoName): Attempt => ({
  end: 'not cloned',
  errno: errnoNumber(error),
});

// AppArmor is not to be had in a test: the rule that it takes the capabilities of a namespace which it
// lets be made is Ubuntu's documentation of kernel.apparmor_restrict_unprivileged_userns.
describe('user namespaces', () => {
  const facts = {
    tried: done,
    apparmor: undefined,
    unprivilegedClone: undefined,
    powerful: false,
    rootIsMount: true,
    uidMap: '0 0 4294967295\n',
    modules: undefined,
  };
  const powerless = 'a user namespace is made and then powerless: ';
  test.each([
    [{ apparmor: '1\n' }, undefined],
    [
      { tried: refused('EPERM'), apparmor: '1\n' },
      `${powerless}kernel.apparmor_restrict_unprivileged_userns is 1`,
    ],
    [
      { tried: refused('EPERM'), apparmor: '0\n', modules: 'capability,selinux' },
      `${powerless}a security module takes its capabilities (active: capability,selinux); kernel.apparmor_restrict_unprivileged_userns is not what says so`,
    ],
    [
      { tried: notCloned('EPERM'), unprivilegedClone: '0\n' },
      'a user namespace is refused: kernel.unprivileged_userns_clone is 0',
    ],
    [{ tried: notCloned('EPERM'), unprivilegedClone: '0\n', powerful: true }, undefined],
    [{ tried: notCloned('EPERM'), unprivilegedClone: '1\n' }, undefined],
    [
      { tried: notCloned('EPERM'), rootIsMount: false },
      'a user namespace is refused: tsbox runs in a chroot (no mount is at its root in /proc/self/mountinfo), where clone(2) makes none',
    ],
    [
      { tried: notCloned('EPERM'), uidMap: '' },
      'a user namespace is refused: the one that tsbox runs in has no ids (/proc/self/uid_map is empty)',
    ],
    [{ tried: notCloned('ENOSPC'), unprivilegedClone: '0\n' }, undefined],
  ])('%j', (own, told) => {
    expect(sentence(judgeUserNamespace({ ...facts, ...own }))).toBe(told);
  });
});

describe('calls that are refused whatever their arguments', () => {
  const with_ = { release: '6.1.0', symbols: 'c0 T __x64_sys_read\nc1 T __x64_sys_openat2\n' };
  const without = { release: '6.1.0', symbols: 'c0 t sys_read\nc1 W __x64_sys_openat2\n' };
  const old = { release: '5.5.19', symbols: undefined };
  const young = { release: '5.6.0', symbols: '' };
  const none =
    'this kernel has no openat2(2), which came with Linux 5.6: ENOSYS, whatever its arguments';
  const filter = (error: string) =>
    `a seccomp filter around tsbox refuses openat2(2): even with arguments that mean nothing it gets ${error} (Seccomp: 2 in /proc/self/status)`;
  test.each([
    ['EINVAL', true, undefined, undefined],
    ['EPERM', true, undefined, filter('EPERM')],
    ['EPERM', false, undefined, undefined],
    ['ENOSYS', false, undefined, `${none} (no filter of seccomp is around tsbox)`],
    ['ENOSYS', true, with_, `${filter('ENOSYS')}, and this kernel has the call (/proc/kallsyms)`],
    ['ENOSYS', true, without, `${none} (/proc/kallsyms)`],
    ['ENOSYS', true, old, `${none} (Linux 5.5.19)`],
    ['ENOSYS', true, young, `${filter('ENOSYS')}, and this kernel has the call (Linux 5.6.0)`],
  ])('%s, a filter: %s, %j', (answer, filtered, kernel, told) => {
    expect(sentence(judgeRefusedCall('openat2', answer, filtered, kernel))).toBe(told);
  });

  test('nothing is known of a call that is in no table', () => {
    expect(hasCall('nonesuch', old)).toBeUndefined();
    expect(hasCall('nonesuch', with_)).toEqual({ has: false, by: '/proc/kallsyms' });
  });

  test.each([
    ['6.1.0-18-amd64', '5.12', true],
    ['5.12.0', '5.12', true],
    ['5.9.0', '5.12', false],
    ['4.18.0-553.el8', '5.1', false],
    ['odd', '5.1', false],
  ])('Linux %s is %s or later: %s', (release, version, is) => {
    expect(isSince(release, version)).toBe(is);
  });
});

test.each([
  ['0', 'a net namespace alone is refused: user.max_net_namespaces is 0'],
  [
    '5',
    'a net namespace alone is refused: user.max_net_namespaces is 5, and all are in use here or in an outer user namespace',
  ],
  [
    '2147483647',
    'a net namespace alone is refused and user.max_net_namespaces is without limit here: that of an outer user namespace is used up',
  ],
  [
    undefined,
    'a net namespace alone is refused: user.max_net_namespaces is not readable, and all are in use here or in an outer user namespace',
  ],
])('namespaces are used up where the limit is %s', (limit, told) => {
  expect(sentence(usedUp('net', limit))).toBe(told);
});

describe('subordinate ids', () => {
  const program = { path: '/usr/bin/newuidmap', privileged: true, nosuid: undefined };
  const facts = {
    kind: { program: 'newuidmap', file: '/etc/subuid', add: '--add-subuids' } as const,
    user: 'ann',
    uid: 1000,
    text: 'bob:1:2\nann:100000:65536\n',
    program,
    noNewPrivileges: false,
    words: undefined as string | undefined,
  };
  const words = 'newuidmap: not allowed';
  const failed = `/usr/bin/newuidmap maps no ids ("${words}")`;
  test.each([
    [{}, undefined],
    [{ text: '1000:5:1\n' }, undefined],
    [{ text: 'ann:0:65536\n' }, '/etc/subuid has no line for ann'],
    [{ text: '' }, '/etc/subuid has no line for ann'],
    [{ text: undefined }, '/etc/subuid cannot be read'],
    [
      { program: undefined },
      'newuidmap, which maps ids that are not your own, is in no directory of PATH',
    ],
    [{ words }, failed],
    [
      { words, noNewPrivileges: true },
      `${failed}: tsbox runs with no_new_privs (NoNewPrivs: 1 in /proc/self/status), so that no program gains rights`,
    ],
    [
      { words, program: { ...program, nosuid: '/usr' } },
      `${failed}: it lies on /usr, which is mounted nosuid, so that it gains no rights`,
    ],
    [
      { words, program: { ...program, privileged: false } },
      `${failed}: it is not set-user-id root and has no file capabilities`,
    ],
  ])('%j', (own, told) => {
    expect(sentence(judgeSubordinateIds({ ...facts, ...own }))).toBe(told);
  });
});

describe('a new procfs', () => {
  const line = (point: string, options = 'rw') => `1 0 0:1 / ${point} ${options} - x x rw`;
  const reveal = 'a new procfs is refused in a user namespace where a tmpfs is not: ';
  test.each([
    [
      refused('EPERM'),
      done,
      [line('/proc'), line('/proc/a'), line('/proc/sys/fs/binfmt_misc')],
      `${reveal}its own is covered at /proc/a (/proc/self/mountinfo)`,
    ],
    [
      refused('EPERM'),
      done,
      [line('/proc', 'ro')],
      `${reveal}its own is read-only (/proc in /proc/self/mountinfo)`,
    ],
    [refused('EPERM'), done, [line('/')], `${reveal}nothing is mounted at /proc here`],
    [
      refused('EPERM'),
      done,
      [line('/proc')],
      `${reveal}its own at /proc is covered, or in part not to be seen`,
    ],
    [refused('EPERM'), refused('EPERM'), [line('/proc'), line('/proc/a')], undefined],
    [refused('ENODEV'), done, [line('/proc'), line('/proc/a')], undefined],
    [notCloned('EPERM'), done, [line('/proc'), line('/proc/a')], undefined],
    [done, done, [line('/proc'), line('/proc/a')], undefined],
  ])('%j, a tmpfs: %j, %j', (tried, reference, mounts, told) => {
    const mountinfo = mounts.join('\n');
    expect(sentence(judgeCovered({ type: 'proc', tried, reference, mountinfo }))).toBe(told);
  });
});

describe('cgroups', () => {
  const facts = {
    error: '',
    directory: '/c/a',
    mount: '/c',
    readOnly: false,
    owner: 0,
    writable: false,
    uid: 1000,
    processes: [] as string[],
  };
  test.each([
    [
      { error: 'EACCES' },
      'the cgroup /c/a is not delegated: it belongs to user 0, and tsbox runs as user 1000',
    ],
    [{ error: 'EACCES', writable: true }, undefined],
    [{ error: 'EACCES', owner: undefined }, undefined],
    [{ error: 'EROFS' }, undefined],
    [
      { error: 'EROFS', readOnly: true },
      'cgroups are mounted read-only here (ro at /c in /proc/self/mountinfo)',
    ],
    [{ error: 'EBUSY' }, undefined],
    [
      { error: 'EBUSY', processes: ['7', '8', '9'] },
      'processes are in that very cgroup (7, 8 … in /c/a/cgroup.procs), so that it cannot pass on limits',
    ],
    [{ error: 'EAGAIN' }, undefined],
    [
      { error: 'EAGAIN', full: { file: '/c/cgroup.max.depth', limit: '1' } },
      'no more cgroups can be made: /c/cgroup.max.depth is 1',
    ],
  ])('%j', (own, told) => {
    expect(sentence(judgeCgroup({ ...facts, ...own }))).toBe(told);
  });

  const outside = 'the same process is made outside of the box’s cgroup, so that it is the cgroup';
  test.each([
    ['ENOMEM', `${outside} that has too little memory for it`],
    ['E2BIG', `${outside} that has too little memory for it`],
    ['EAGAIN', `${outside}, or one above it, that may have no more processes (pids.max)`],
    ['EACCES', `${outside} that tsbox may not put it into (EACCES)`],
  ])('the box’s own, %s', (error, told) => {
    expect(sentence(judgeBoxCgroup(error))).toBe(told);
  });

  const alone = 'not even a process without namespaces can be made: ';
  test.each([
    [{ limit: 10, used: 9 }, undefined],
    [{ limit: Number.POSITIVE_INFINITY, used: 9 }, undefined],
    [
      { limit: 10, used: 10 },
      `${alone}this user may have 10 processes and threads (Max processes in /proc/self/limits), and has 10`,
    ],
    [
      { limit: 10, used: 1, full: { file: '/c/pids.max', limit: 5 } },
      `${alone}/c/pids.max is 5, and as many are in that cgroup`,
    ],
  ])('processes, %j', (own, told) => {
    expect(sentence(judgeProcesses(own))).toBe(told);
  });
});

test.each([
  ['EINVAL', 'overlay', false, 'overlay, cannot map owners on Linux 5.15: it can from 5.19 on'],
  ['EINVAL', 'tmpfs', false, 'tmpfs, cannot map owners on Linux 5.15: it can from 6.3 on'],
  ['EINVAL', 'nfs', false, 'nfs, cannot map owners on Linux 5.15'],
  ['EPERM', 'ext4', false, undefined],
  ['ENOSYS', 'ext4', false, undefined],
])('owners that cannot be mapped: %s on %s', (error, type, idmapped, told) => {
  expect(sentence(judgeOwnerMaps('/i', error, { type, idmapped }, '5.15'))).toBe(
    told === undefined ? undefined : `the file system of /i, ${told}`,
  );
});

test('owners that are mapped already', () => {
  const found = { type: 'ext4', idmapped: true };
  expect(sentence(judgeOwnerMaps('/i', 'EPERM', found, '6.1'))).toBe(
    'owners of files in /i are mapped already (idmapped in /proc/self/mountinfo), and cannot be twice',
  );
});

const admin = 1n << 21n;
const bpf = 1n << 39n;
test.each([
  ['EPERM', admin, '0 0 4294967295', undefined],
  [
    'EPERM',
    bpf,
    '0 0 4294967295',
    'loading it needs CAP_NET_ADMIN, or CAP_SYS_ADMIN, which this process lacks',
  ],
  [
    'EPERM',
    admin,
    '0 1000 1',
    'loading it needs capabilities of the host, and tsbox runs in a user namespace (/proc/self/uid_map)',
  ],
  [
    'EINVAL',
    admin,
    '0 0 4294967295',
    'this kernel has no device filters (CONFIG_CGROUP_BPF): bpf(2) gets EINVAL',
  ],
])('a device filter: %s with %s, ids %s', (error, effective, uidMap, told) => {
  expect(sentence(judgeDeviceFilter(error, effective, uidMap))).toBe(told);
});

test.each([
  [admin, admin, undefined],
  [0n, admin, 'tsbox runs without CAP_SYS_ADMIN'],
  [
    0n,
    0n,
    'tsbox runs without CAP_SYS_ADMIN, and its bounding set (CapBnd in /proc/self/status) lacks it, so that sudo cannot give it either',
  ],
])('a capability: effective %s, bounding %s', (effective, bounding, told) => {
  expect(sentence(judgeCapability('CAP_SYS_ADMIN', { effective, bounding }))).toBe(told);
});

test('a file system that the kernel does not have', () => {
  const known = 'nodev\tproc\n\text4\n';
  expect(judgeMissingFileSystem('ext4', known)).toBeUndefined();
  expect(judgeMissingFileSystem('ext', '')).toBeUndefined();
  expect(sentence(judgeMissingFileSystem('ext', known))).toBe(
    'this kernel has no ext file system (/proc/filesystems)',
  );
});

test('more mounts than there may be', () => {
  expect(judgeMountLimit(20, 100_000)).toBeUndefined();
  expect(judgeMountLimit(20, Number.NaN)).toBeUndefined();
  expect(sentence(judgeMountLimit(20, 30))).toBe(
    'fs.mount-max is 30, and a box begins with the 20 mounts that tsbox sees',
  );
});

test('a mount that is read-only', () => {
  const mountinfo = '1 0 0:1 / / rw - x x rw\n2 1 0:2 / /p ro - x x rw';
  expect(judgeReadOnly('/q/f', mountinfo)).toBeUndefined();
  expect(sentence(judgeReadOnly('/p/f', mountinfo))).toBe(
    '/p/f lies on /p, which is mounted read-only (/proc/self/mountinfo)',
  );
});

test('the status and limits of a process', () => {
  const text =
    'Name:\tx\nCapEff:\t0000000000200000\nCapBnd:\t00000000000000ff\nNoNewPrivs:\t1\nSeccomp:\t2\n';
  expect(parseStatus(text)).toEqual({
    effective: admin,
    bounding: 0xffn,
    filtered: true,
    noNewPrivileges: true,
  });
  const limits =
    'Limit   Soft Limit  Hard Limit\nMax open files   70   80   files\nMax processes  unlimited  unlimited processes\n';
  expect(softLimit('Max open files', limits)).toBe(70);
  expect(softLimit('Max processes', limits)).toBe(Number.POSITIVE_INFINITY);
});
