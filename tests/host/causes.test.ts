/** Each cause is provoked for real, and told as proved. What stands for something else says so. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { syscallNumbers } from '../../src/abi/syscalls.ts';
import { dataDirectory } from '../../src/image/image.ts';
import { cgroupMount } from '../../src/linux/cgroup-place.ts';
import { compile } from './programs.ts';
import { program, tsbox } from './tsbox.ts';

const refuseCalls = compile('refuse-calls');
const numbers = syscallNumbers[process.arch as 'x64' | 'arm64'];
/** A filter of calls, as an outer container has one. */
const filter = (errno: number, ...calls: (keyof typeof numbers)[]) =>
  `${refuseCalls} ${errno}${calls.map((call, index) => `${index === 0 ? ':' : ','}${numbers[call]}`).join('')}`;
const [EPERM, ENOSYS] = [1, 38];

const files = mkdtempSync('/tmp/test-causes-');
afterAll(() => rmSync(files, { recursive: true }));
/** What /proc/kallsyms has on a kernel without openat2: a weak symbol. */
writeFileSync(`${files}/symbols`, '0 T __x64_sys_read\n0 W __x64_sys_openat2\n');
const image = join(dataDirectory(process.env, 0), 'images/busybox');

const cgroups = cgroupMount() ?? '';
/** A cgroup of the test's own, to be seen as the root of the hierarchy in a mount namespace. */
const own = `${cgroups}/test-causes-${process.pid}`;
beforeAll(() => mkdirSync(own));
afterAll(() => {
  for (const below of ['b/tsbox', 'b', 'x', 'tsbox', ''])
    if (existsSync(join(own, below))) rmdirSync(join(own, below));
});
const inOwn = `mount --bind ${own} ${cgroups}`;

const namespace = 'unshare --mount sh -c';
const userNamespace = 'unshare --user --map-root-user --mount sh -c';

/** What `run` says, after a script in new namespaces that ends in executing tsbox. */
function failure(shell: string, script: string, args: readonly string[] = []): string[] {
  const by = [...shell.split(' '), script, program];
  const run = ['run', ...args, ...(args.includes('--rootfs') ? [] : ['busybox']), '--', 'true'];
  const { status, stdout, stderr } = tsbox(run, '', process.env, by);
  expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
  return stderr.split('\n').map((line) => line.trim());
}

const outside =
  'run tsbox outside the container or service that has the filter, or allow the call there: docker and podman run --security-opt seccomp=unconfined';
const filtered = (call: string, error: string) =>
  `a seccomp filter around tsbox refuses ${call}(2): even with arguments that mean nothing it gets ${error} (Seccomp: 2 in /proc/self/status)`;
const known = ', and this kernel has the call (/proc/kallsyms)';
const newer = 'boot Linux 5.12 or later, such as the kernel of Debian 12';
const go = 'exec "$0" "$@"';

type Case = readonly [
  what: string,
  shell: string,
  script: string,
  args: readonly string[],
  cause: string,
  mend: string,
];

const auto = ['--userns', 'auto'];
/** A user namespace is made a condition: a box that could do without would. */
const ownId = ['--uidmap', '0:0'];
const hostIds = ['--userns', 'host'];
const used = (kind: string): Case => [
  `${kind} namespaces are used up`,
  userNamespace,
  `echo 0 >/proc/sys/user/max_${kind}_namespaces; ${go}`,
  kind === 'user' ? ownId : [],
  `a ${kind} namespace alone is refused: user.max_${kind}_namespaces is 0`,
  `as root: sysctl -w user.max_${kind}_namespaces=15000`,
];

const filters: readonly Case[] = (
  [
    ['clone3', ENOSYS, 'ENOSYS', known],
    ['close_range', EPERM, 'EPERM', ''],
    ['openat2', ENOSYS, 'ENOSYS', known],
    ['openat2', EPERM, 'EPERM', ''],
    ['mount', EPERM, 'EPERM', ''],
    ['umount2', EPERM, 'EPERM', ''],
    ['pivot_root', EPERM, 'EPERM', ''],
    ['sethostname', EPERM, 'EPERM', ''],
    ['fsmount', EPERM, 'EPERM', ''],
  ] as const
).map(([call, errno, error, more]) => [
  `a filter answers ${call} with ${error}`,
  'sh -c',
  `exec ${filter(errno, call)} "$0" "$@"`,
  [],
  `${filtered(call, error)}${more}`,
  outside,
]);

const cases: readonly Case[] = [
  ...['mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup', 'user'].map(used),
  [
    'user namespaces are used up around tsbox’s own',
    'unshare --user --map-root-user sh -c',
    `echo 1 >/proc/sys/user/max_user_namespaces; exec unshare --user --map-root-user "$0" "$@"`,
    ownId,
    'a user namespace alone is refused and user.max_user_namespaces is without limit here: that of an outer user namespace is used up, or user namespaces are nested 32 levels deep',
    'as root: sysctl -w user.max_user_namespaces=15000, on the host that this container runs on',
  ],
  ...filters,
  [
    'the kernel has not the call, as its table of symbols says',
    namespace,
    `mount --bind ${files}/symbols /proc/kallsyms; exec ${filter(ENOSYS, 'openat2')} "$0" "$@"`,
    [],
    'this kernel has no openat2(2), which came with Linux 5.6: ENOSYS, whatever its arguments (/proc/kallsyms)',
    newer,
  ],
  [
    'CAP_SYS_ADMIN is in nobody’s reach',
    'setpriv --bounding-set -sys_admin --inh-caps -sys_admin sh -c',
    go,
    hostIds,
    'tsbox runs without CAP_SYS_ADMIN, and its bounding set (CapBnd in /proc/self/status) lacks it, so that sudo cannot give it either',
    'run tsbox outside this container or service, or start it with the capability: docker and podman run --cap-add CAP_SYS_ADMIN',
  ],
  [
    'CAP_SETGID is in nobody’s reach',
    'setpriv --bounding-set -setgid --inh-caps -setgid sh -c',
    go,
    hostIds,
    'tsbox runs without CAP_SETGID, and its bounding set (CapBnd in /proc/self/status) lacks it, so that sudo cannot give it either',
    'run tsbox outside this container or service, or start it with the capability: docker and podman run --cap-add CAP_SETGID',
  ],
  [
    'the caller’s /proc is covered, as that of a container is',
    namespace,
    `mount -t tmpfs none /proc/irq; mount --bind /dev/null /proc/keys; ${go}`,
    auto,
    'a new procfs is refused in a user namespace where a tmpfs is not: its own is covered at /proc/irq, /proc/keys (/proc/self/mountinfo)',
    'run tsbox outside this container, or start the container with its /proc uncovered: docker run --security-opt systempaths=unconfined, podman run --security-opt unmask=ALL',
  ],
  [
    'the caller’s /proc is covered, and mounts are made by mount(2)',
    namespace,
    `mount -t tmpfs none /proc/irq; exec unshare -Urm ${filter(EPERM)} "$0" "$@"`,
    [],
    'a new procfs is refused in a user namespace where a tmpfs is not: its own is covered at /proc/irq (/proc/self/mountinfo)',
    'run tsbox outside this container, or start the container with its /proc uncovered: docker run --security-opt systempaths=unconfined, podman run --security-opt unmask=ALL',
  ],
  [
    'the caller’s /sys is covered',
    namespace,
    `mount -t tmpfs none /sys/firmware; ${go}`,
    auto,
    'a new sysfs is refused in a user namespace where a tmpfs is not: its own at /sys is covered, or in part not to be seen',
    'run tsbox outside this container, or start the container with its /sys uncovered: podman run --security-opt unmask=ALL',
  ],
  [
    '/proc is read-only',
    namespace,
    `mount -o remount,bind,ro /proc; ${go}`,
    auto,
    expect.stringMatching(
      /^\/proc\/\d+\/uid_map lies on \/proc, which is mounted read-only \(\/proc\/self\/mountinfo\)$/,
    ),
    'as root: mount -o remount,bind,rw /proc; or run tsbox outside this container',
  ],
  [
    'mounts in a volume are locked to it',
    'sh -c',
    go,
    [...auto, '--volume', '/sys:/x:bind'],
    'mounts lie in /sys that are locked to it: in a user namespace it can be had with them, and not without',
    'ask for it with them (--volume /sys:…:rbind, the default), or run tsbox as root with --userns=host',
  ],
  [
    'times of access are locked',
    'sh -c',
    go,
    [...auto, '--volume', '/etc:/x:noatime'],
    'what /etc lies on is locked as to its times of access: in a user namespace every flag of it is let but those of atime',
    'leave noatime, relatime or strictatime out, or run tsbox as root with --userns=host',
  ],
  [
    'a file system that cannot map owners',
    namespace,
    `mount -t ramfs none /mnt; cp -a ${image} /mnt/image; ${go}`,
    [...auto, '--rootfs', '/mnt/image'],
    expect.stringMatching(
      /^the file system of \/mnt\/image, ramfs, cannot map owners on Linux \S+$/,
    ),
    'keep it on ext4, xfs or btrfs, or leave --userns=auto (and idmap) out',
  ],
  [
    'cgroups are read-only',
    namespace,
    `mount -o remount,bind,ro ${cgroups}; ${go}`,
    [],
    `cgroups are mounted read-only here (ro at ${cgroups} in /proc/self/mountinfo)`,
    'run tsbox outside this container, or start the container with its own cgroups to write to: docker run --privileged --cgroupns=private, podman run --security-opt unmask=/sys/fs/cgroup',
  ],
  [
    'a cgroup is not delegated',
    namespace,
    // Root that may not pass over owners is a user like any other.
    `${inOwn}; chown 65534 ${cgroups}; setpriv --bounding-set -dac_override --inh-caps -dac_override "$0" "$@"; status=$?; chown 0 ${cgroups}; exit $status`,
    [],
    `the cgroup ${cgroups} is not delegated: it belongs to user 65534, and tsbox runs as user 0`,
    'run tsbox in a cgroup that is delegated to you: systemd-run --user --scope --property=Delegate=yes tsbox …',
  ],
  [
    'a process may not be moved into the cgroup',
    namespace,
    // Its way goes through one that belongs to somebody else: cgroups(7), "Cgroups delegation".
    `mkdir ${own}/x ${own}/b; echo $$ >${own}/x/cgroup.procs; chown 65534 ${own}/cgroup.procs; mount --bind ${own}/b ${cgroups}; exec setpriv --bounding-set -dac_override --inh-caps -dac_override "$0" "$@"`,
    [],
    'the same process is made outside of the box’s cgroup, so that it is the cgroup that tsbox may not put it into (EACCES)',
    'run tsbox in a cgroup that is delegated to you: systemd-run --user --scope --property=Delegate=yes tsbox …',
  ],
  [
    'no more cgroups are allowed',
    namespace,
    `${inOwn}; echo 0 >${cgroups}/cgroup.max.descendants; ${go}`,
    [],
    `no more cgroups can be made: ${cgroups}/cgroup.max.descendants is 0`,
    `remove some, or as root: echo max >${cgroups}/cgroup.max.descendants`,
  ],
];

test.each(cases)('%s', (_, shell, script, args, cause, mend) => {
  const said = failure(shell, script, args);
  const told = (word: string) =>
    said.find((line) => line.startsWith(`${word}: `))?.slice(word.length + 2);
  expect({ cause: told('cause'), mend: told('what to do') }).toEqual({ cause, mend });
});

/** What is found of a call that failed with this errno, which no test can bring about for a whole run. */
function explained(errno: number, by: readonly string[], first = '', call = 'clone3'): string {
  const script = `
    const { explain } = require(${JSON.stringify(join(program, '../../dist/causes.cjs'))});
    ${first}
    const refused = { refusal: { call: '${call}', errno: ${errno} }, told: {}, explained: (lines) => lines };
    explain(refused, []).then((lines) => console.log(lines.join('\\n')));`;
  const [command = '', ...words] = by;
  return spawnSync(command, [...words, process.execPath, '-e', script]).stdout.toString();
}

test('the user may have no more processes', () => {
  const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
  // Node itself has more threads than that, so that the limit is set when it runs.
  const limit = `require('node:child_process').spawnSync('prlimit', ['--pid', String(process.pid), '--nproc=1:']);`;
  const EAGAIN = 11;
  expect(explained(EAGAIN, nobody, limit)).toMatch(
    /^cause: not even a process without namespaces can be made: this user may have 1 processes and threads \(Max processes in \/proc\/self\/limits\), and has \d+\nwhat to do: end some of them, or allow more: ulimit -u\n$/,
  );
});

test('newuidmap maps nothing for a user without subordinate ids', () => {
  const bare = `cp -a /etc ${files}; : >${files}/etc/subuid; mount --bind ${files}/etc /etc; chmod 755 ${files}`;
  const nobody = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@"';
  const by = [...namespace.split(' '), `${bare}; ${nobody}`];
  expect(explained(EPERM, by, '', 'newuidmap')).toBe(
    'cause: /etc/subuid has no line for nobody\nwhat to do: as root: usermod --add-subuids 100000-165535 nobody\n',
  );
});

test('a kernel that is too old for the box’s cgroup', () => {
  const E2BIG = 7;
  const old = `mount --bind ${files}/symbols /proc/kallsyms; exec ${filter(ENOSYS, 'close_range')} "$0" "$@"`;
  expect(explained(E2BIG, [...namespace.split(' '), old])).toBe(
    `cause: this kernel has no close_range(2), which came with Linux 5.9: ENOSYS, whatever its arguments (/proc/kallsyms)\nwhat to do: ${newer}\n`,
  );
});

test('the limit of open files', () => {
  const EMFILE = 24;
  expect(explained(EMFILE, ['prlimit', '--nofile=60'])).toBe(
    'cause: no descriptor can have the number 99: tsbox may have 60 files open (Max open files in /proc/self/limits)\nwhat to do: ulimit -n 100, or more\n',
  );
});

test('where nothing is proved, it is said what was looked at, and nothing is guessed', () => {
  // PR_CAP_AMBIENT (47): a filter that looks at arguments lets the meaningless call through.
  const said = failure('sh -c', `exec ${refuseCalls} ${EPERM}:${numbers.prctl}=47 "$0" "$@"`);
  expect(said).toContain(
    'no cause proved: the call with arguments that mean nothing gets the error of its arguments; tsbox has the capability for it (CapEff in /proc/self/status)',
  );
  expect(said).toContain('what to do: `tsbox doctor` shows what this host lacks or forbids');
});
