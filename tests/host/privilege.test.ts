/**
 * Left-over privilege (the class of CVE-2022-29162 and crun's CVE-2022-27650), seen from inside:
 * capabilities, groups, keys, cores, and what keeps the box's processes apart from others.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { compileProbe, readProbe } from './probe.ts';
import { program, refusedToUsers, shell, starter, tsbox } from './tsbox.ts';

const scratch = mkdtempSync(`${tmpdir()}/tsbox-test-`);
afterAll(() => rmSync(scratch, { recursive: true }));
chmodSync(scratch, 0o755);
const probe = compileProbe(scratch);
const volume = ['-v', `${scratch}:/p:ro`];

const ordinary = '00000000a80425fb';
const none = '0000000000000000';
const netAdmin = '0000000000001000';

/** The five sets: inheritable, permitted, effective, bounding, ambient. */
const setsOf = (status: string) =>
  [...status.matchAll(/^Cap(?:Inh|Prm|Eff|Bnd|Amb):\t(\w+)$/gm)].map(([, set]) => set);

test.each<[string, string[]]>([
  ['', [none, ordinary, ordinary, ordinary, none]],
  ['-u 1000:1000', [none, none, none, ordinary, none]],
  ['--cap-drop ALL', [none, none, none, none, none]],
  ['--cap-drop ALL -u 1000', [none, none, none, none, none]],
  ['--cap-drop ALL --cap-add NET_ADMIN', [none, netAdmin, netAdmin, netAdmin, none]],
  ['--cap-drop all --cap-add net_admin -u 1000', Array(5).fill(netAdmin)],
  ['--cap-add CAP_NET_ADMIN -u 1000', [netAdmin, netAdmin, netAdmin, '00000000a80435fb', netAdmin]],
  ['--userns=auto', [none, ordinary, ordinary, ordinary, none]],
  ['--userns=auto -u 1000', [none, none, none, ordinary, none]],
])('capabilities with %j, and after another execve', (flags, sets) => {
  const words = flags.split(' ').filter((word) => word !== '');
  const { stdout, stderr } = shell('cat /proc/self/status; cat /proc/1/status', ...words);
  const refused = refusedToUsers(flags);
  if (refused !== undefined) return expect(stderr).toContain(refused);
  expect(setsOf(stdout)).toEqual([...sets, ...sets]);
  expect(stdout.match(/^NoNewPrivs:\t1$/gm)).toHaveLength(2);
});

test('--cap-add ALL is what tsbox itself may pass on; more is refused by name', () => {
  const ofRoot = /^CapBnd:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  // The first process of a user namespace has every capability in it.
  const last = BigInt(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  const every = (2n ** (last + 1n) - 1n).toString(16).padStart(16, '0');
  const own = starter.user === 0 ? ofRoot : every;
  const { stdout } = shell('cat /proc/self/status', '--cap-add', 'ALL');
  expect(setsOf(stdout)).toEqual([none, own, own, own, none]);
  const lacks = (BigInt(`0x${own}`) >> 24n) % 2n === 0n;
  const { stderr } = shell('true', '--cap-add', 'SYS_RESOURCE');
  expect(stderr).toContain(lacks ? 'does not have it in its own bounding set' : '');
});

test.each<[string, string]>([
  ['', ''],
  ['-u 1000:1000', ''],
  ['-u 1000:1000 --group-add 77 --group-add tty', '5 77'],
])('groups with %j: none of the caller’s', (flags, groups) => {
  // Group 4242 is the caller's; setpriv(1) gives it.
  const words = flags.split(' ').filter((word) => word !== '');
  const become = starter.user === 0 ? ['setpriv', '--clear-groups'] : starter.become;
  const withGroup = become.map((word) => (word === '--clear-groups' ? '--groups=4242' : word));
  const { stdout, stderr } = tsbox(
    ['run', ...words, 'busybox', '--', 'grep', 'Groups', '/proc/self/status'],
    '',
    process.env,
    [...starter.inside, ...withGroup, program],
  );
  const refused = refusedToUsers(flags);
  if (refused !== undefined) return expect(stderr).toContain(refused);
  // Who maps its own group alone may change none, user_namespaces(7): the box has it, and cannot tell which.
  const kept = starter.ids === 'one' ? '65534' : groups;
  expect(stdout.trim()).toBe(`Groups:\t${kept}`.trim());
});

test.each(['', '-u 1000', '--userns=auto'])('a session keyring of its own, with %j', (flags) => {
  const words = flags.split(' ').filter((word) => word !== '');
  const outside = readProbe(execFileSync(probe, { encoding: 'utf8' }));
  const { stdout, stderr } = tsbox([
    'run',
    ...words,
    ...volume,
    // The ordinary profile refuses keyctl(2).
    '--security-opt',
    'seccomp=unconfined',
    'busybox',
    '--',
    '/p/probe',
  ]);
  const refused = refusedToUsers(flags);
  if (refused !== undefined) return expect(stderr).toContain(refused);
  const inside = readProbe(stdout);
  expect(Number(inside.keyring)).toBeGreaterThan(0);
  expect(inside.keyring).not.toBe(outside.keyring);
  expect(inside).toMatchObject({ securebits: '0', dumpable: '1' });
});

test('cores are off unless --ulimit core says otherwise', () => {
  const limit = (...flags: string[]) => shell('grep core /proc/self/limits', ...flags).stdout;
  expect(limit()).toMatch(/^Max core file size +1 +1 +bytes/);
  expect(limit('--ulimit', 'core=0:4096')).toMatch(/^Max core file size +0 +4096 +bytes/);
});

test.each(['', '--userns=auto'])('--oom-score-adj, with %j', (flags) => {
  const words = flags.split(' ').filter((word) => word !== '');
  const { stdout, stderr } = shell('cat /proc/1/oom_score_adj', '--oom-score-adj', '321', ...words);
  const refused = refusedToUsers(flags);
  if (refused === undefined) expect(stdout).toBe('321\n');
  else expect(stderr).toContain(refused);
});

test('an OOM score that tsbox may not give is refused with the reason', () => {
  const own = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const may = starter.user === 0 && (BigInt(`0x${own}`) >> 24n) % 2n === 1n;
  const { status, stderr } = shell('true', '--oom-score-adj', '-1000');
  expect(status).toBe(may ? 0 : 125);
  expect(stderr).toContain(may ? '' : 'needs CAP_SYS_RESOURCE on the host');
});

test('where /proc of the image is a link, nothing is written through it', () => {
  execFileSync('sh', [
    '-c',
    `mkdir -p ${scratch}/i && cp -a ${starter.image}/. ${scratch}/i && chown ${starter.user} ${scratch}/i && rmdir ${scratch}/i/proc && mkdir -p ${scratch}/i/fake/self && touch ${scratch}/i/fake/self/oom_score_adj && ln -s fake ${scratch}/i/proc`,
  ]);
  const { status } = tsbox([
    'run',
    '--writable',
    '--oom-score-adj',
    '5',
    '--rootfs',
    `${scratch}/i`,
    '--',
    'true',
  ]);
  expect(status).toBe(125);
  expect(readFileSync(`${scratch}/i/fake/self/oom_score_adj`, 'utf8')).toBe('');
});

test('mask and unmask', () => {
  const script = 'ls /etc; cat /proc/keys | wc -c; echo 1 2>&1 >/proc/sys/kernel/ostype';
  const { stdout } = shell(
    script,
    '--security-opt',
    'mask=/etc',
    '--security-opt',
    'unmask=/proc/keys:/proc/sys',
  );
  expect(stdout).toMatch(/^[1-9]\d*\n/);
  expect(stdout).not.toContain('Read-only');
});

test.each(['apparmor=tsbox-none', 'label=type:container_t'])(
  '%s is set, or refused with the reason',
  (word) => {
    const { status, stderr } = shell('true', '--security-opt', word);
    if (status === 0) return;
    expect(status).toBe(125);
    expect(stderr).toMatch(/is not enabled on this host|exec/);
  },
);
