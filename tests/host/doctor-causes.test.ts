/** `tsbox doctor` proves causes by the probes of a failed run, as a user without privileges, too. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { syscallNumbers } from '../../src/abi/syscalls.ts';
import type { Check } from '../../src/doctor/check.ts';
import { compile } from './programs.ts';
import { program, tsbox } from './tsbox.ts';

const refuseCalls = compile('refuse-calls');
const numbers = syscallNumbers[process.arch as 'x64' | 'arm64'];

/** /etc as the tests want it, seen in their own mount namespaces alone. */
const files = mkdtempSync('/tmp/test-doctor-');
afterAll(() => rmSync(files, { recursive: true }));
execFileSync('cp', ['-a', '/etc', files]);
execFileSync('chmod', ['755', files]);
const give = (file: 'subuid' | 'subgid', text: string) =>
  `echo ${text} >${files}/etc/${file}; mount --bind ${files}/etc /etc`;
const both = `${give('subuid', 'nobody:100000:65536')}; ${give('subgid', 'nobody:100000:65536')}`;

const nobody = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups';
const go = '"$0" "$@"';

/** What doctor says after a script in a mount namespace of its own. */
function examine(script: string): Check[] {
  const by = ['unshare', '--mount', 'sh', '-c', script, program];
  return JSON.parse(tsbox(['doctor', '--json'], '', process.env, by).stdout).checks;
}

const replaced = (change: string) =>
  `cp -p /usr/bin/newuidmap ${files}/newuidmap; ${change} ${files}/newuidmap; mount --bind ${files}/newuidmap /usr/bin/newuidmap`;
const failed =
  '/usr/bin/newuidmap maps no ids ("newuidmap: write to uid_map failed: Operation not permitted"): ';

test.each([
  ['a line in both files', `${both}; ${nobody} ${go}`, '', ''],
  [
    'no line in /etc/subuid',
    `${give('subuid', 'bin:1:2')}; ${nobody} ${go}`,
    '/etc/subuid has no line for nobody',
    'as root: usermod --add-subuids 100000-165535 nobody',
  ],
  [
    'no line in /etc/subgid',
    `${both}; ${give('subgid', '')}; ${nobody} ${go}`,
    '/etc/subgid has no line for nobody',
    'as root: usermod --add-subgids 100000-165535 nobody',
  ],
  [
    'no newuidmap',
    `${both}; mkdir ${files}/usr; cp -a /usr/bin ${files}/usr; rm ${files}/usr/bin/newuidmap; mount --bind ${files}/usr/bin /usr/bin; ${nobody} ${go}`,
    'newuidmap, which maps ids that are not your own, is in no directory of PATH',
    'as root: apt-get install uidmap (elsewhere: shadow-utils)',
  ],
  [
    'a newuidmap on a mount that is nosuid',
    `${both}; ${replaced(':')}; mount -o remount,bind,nosuid /usr/bin/newuidmap; ${nobody} ${go}`,
    `${failed}it lies on /usr/bin/newuidmap, which is mounted nosuid, so that it gains no rights`,
    'as root: mount -o remount,suid /usr/bin/newuidmap, or install it elsewhere',
  ],
  [
    'a newuidmap without rights',
    `${both}; ${replaced('chmod u-s')}; ${nobody} ${go}`,
    `${failed}it is not set-user-id root and has no file capabilities`,
    'as root: chmod u+s /usr/bin/newuidmap',
  ],
  [
    'a newuidmap with file capabilities',
    `${both}; ${replaced(`chmod u-s ${files}/newuidmap; setcap cap_setuid=ep`)}; ${nobody} ${go}`,
    '',
    '',
  ],
  [
    'a process that can gain no rights',
    `${both}; ${nobody} --no-new-privs ${go}`,
    `${failed}tsbox runs with no_new_privs (NoNewPrivs: 1 in /proc/self/status), so that no program gains rights`,
    'run tsbox outside the container or service that sets it: --security-opt no-new-privileges, allowPrivilegeEscalation: false, NoNewPrivileges=yes',
  ],
])('ids of others: %s', (_, script, why, mend) => {
  writeFileSync(`${files}/etc/subuid`, '');
  expect(find(examine(script), 'id maps')).toMatchObject({ why, mend });
});

const filter = (errno: number, call: keyof typeof numbers) =>
  `${refuseCalls} ${errno}:${numbers[call]}`;

test.each([
  [
    'the kernel',
    'kernel',
    `${nobody} ${filter(1, 'openat2')} ${go}`,
    'a seccomp filter around tsbox refuses openat2(2): even with arguments that mean nothing it gets EPERM (Seccomp: 2 in /proc/self/status)',
  ],
  [
    'a call that looks at rights first',
    'kernel',
    `${nobody} ${filter(1, 'pivot_root')} ${go}`,
    'a seccomp filter around tsbox refuses pivot_root(2): even with arguments that mean nothing it gets EPERM (Seccomp: 2 in /proc/self/status)',
  ],
  [
    'mounts',
    'mounts',
    `${nobody} ${filter(38, 'mount_setattr')} ${go}`,
    expect.stringMatching(
      /^a seccomp filter around tsbox refuses mount_setattr\(2\).*, and this kernel has the call \(\/proc\/kallsyms\): there is no --userns=auto/,
    ),
  ],
  [
    'namespaces that are used up',
    'namespace uts',
    `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_uts_namespaces; ${go}' "$0" "$@"`,
    'a uts namespace alone is refused: user.max_uts_namespaces is 0',
  ],
  [
    'user namespaces that are used up',
    'namespace user',
    `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; ${go}' "$0" "$@"`,
    'a user namespace alone is refused: user.max_user_namespaces is 0',
  ],
  [
    'no other namespaces where user namespaces are used up',
    'namespace uts',
    `exec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin ${go}' "$0" "$@"`,
    '',
  ],
  [
    'a user namespace without ids',
    'namespace user',
    `exec unshare -U ${go}`,
    'a user namespace is refused: the one that tsbox runs in has no ids (/proc/self/uid_map is empty)',
  ],
  [
    'a chroot',
    'namespace user',
    `mount -t tmpfs none /mnt; mkdir /mnt/root; cd /mnt/root; for dir in /*; do case $dir in /mnt | /lost+found) ;; *) if [ -L $dir ]; then cp -a $dir .; elif [ -d $dir ]; then mkdir .$dir; mount --rbind $dir .$dir; fi ;; esac; done; exec chroot /mnt/root ${go}`,
    'a user namespace is refused: tsbox runs in a chroot (no mount is at its root in /proc/self/mountinfo), where clone(2) makes none',
  ],
  [
    // No test can have AppArmor. A filter stands for the right that it takes in a user namespace, which the
    // kernel asks for in PR_CAPBSET_DROP (24), and a made-up file for its sysctl.
    'a user namespace that is powerless, as AppArmor makes it',
    'namespace user',
    `mkdir ${files}/kernel; cp -r /proc/sys/kernel/. ${files}/kernel 2>/dev/null; echo 1 >${files}/kernel/apparmor_restrict_unprivileged_userns; mount --bind ${files}/kernel /proc/sys/kernel; ${nobody} ${refuseCalls} 1:${numbers.prctl}=24 ${go}`,
    'a user namespace is made and then powerless: kernel.apparmor_restrict_unprivileged_userns is 1',
  ],
  [
    'a /proc that is covered',
    '/proc and /sys',
    `mount -t tmpfs none /proc/irq; ${nobody} ${go}`,
    'a new procfs is refused in a user namespace where a tmpfs is not: its own is covered at /proc/irq (/proc/self/mountinfo)',
  ],
  [
    'cgroups of others',
    'cgroup v2',
    `${nobody} ${go}`,
    expect.stringMatching(
      /^the cgroup \S+ is not delegated: it belongs to user 0, and tsbox runs as user 65534(;|$)/,
    ),
  ],
  [
    'root without its rights',
    'privileges',
    `exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin ${go}`,
    expect.stringMatching(/^tsbox runs without CAP_SYS_ADMIN, and its bounding set/),
  ],
])('%s: %s', (_, name, script, why) => {
  const mend = why === '' ? '' : expect.stringMatching(/./);
  expect(find(examine(script), name)).toMatchObject({ why, mend });
});

function find(checks: readonly Check[], name: string): Check | undefined {
  return checks.find((check) => check.name === name);
}
