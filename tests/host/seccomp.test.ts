/** The seccomp filter of a running box: what a workload's calls come back with. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusedToUsers, shell, tsbox } from './tsbox.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'seccomp-test-'));
  chmodSync(directory, 0o755);
  const source = new URL('seccomp-probe.c', import.meta.url).pathname;
  execFileSync('gcc', ['-static', '-O1', '-D_GNU_SOURCE', '-o', `${directory}/probe`, source]);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What the probe's calls ended with in a box, by their names. */
function probe(...flags: string[]): Record<string, string> {
  const words = ['run', ...flags, '-v', `${directory}:/probe:ro`, 'busybox', '--', '/probe/probe'];
  const { status, stdout, stderr } = tsbox(words);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return Object.fromEntries(stdout.split('\n').map((line) => line.split(' ')));
}

function profile(text: object | string): string {
  const path = join(directory, 'profile.json');
  writeFileSync(path, typeof text === 'string' ? text : JSON.stringify(text));
  return `seccomp=${path}`;
}

const allowsAll = { defaultAction: 'SCMP_ACT_ALLOW' };
const withRule = (rule: object) => profile({ ...allowsAll, syscalls: [rule] });

describe('an ordinary box', () => {
  let found: Record<string, string>;
  beforeAll(() => {
    found = probe();
  });

  test.each(['getpid', 'clone', 'personality', 'socket-unix', 'socket-inet'])(
    '%s is made',
    (name) => {
      expect(found[name]).toBe('done');
    },
  );

  test.each([
    'clone-newuser',
    'clone-newpid',
    'unshare-newuser',
    'setns',
    'tiocsti',
    'tiocsti-high',
    'tioclinux',
    'add_key',
    'keyctl',
    'request_key',
    'bpf',
    'perf_event_open',
    'userfaultfd',
    'open_by_handle_at',
    'kexec_load',
    'init_module',
    'io_uring_setup',
    'mount',
    'umount2',
    'pivot_root',
    'fsopen',
    'syslog',
    'reboot',
    'swapoff',
    'acct',
    'iopl',
    'personality-no-random',
    'socket-vsock',
    'socket-vsock-high',
    'socket-alg',
  ])('%s is refused', (name) => {
    expect(found[name]).toBe('EPERM');
  });

  test.each(['clone3', 'newer', 'x32'])('%s looks as if the kernel did not have it', (name) => {
    expect(found[name]).toBe('ENOSYS');
  });
});

test.each([
  [[], '2'],
  [['--userns=auto'], '2'],
  [['-u', '1000'], '2'],
  [['--security-opt', 'no-new-privileges=false'], '2'],
  [['--security-opt', 'no-new-privileges=false', '-u', '1000'], '2'],
  [['--security-opt', 'no-new-privileges=false', '--userns=auto', '-u', '1000'], '2'],
  [['--security-opt', 'seccomp=unconfined'], '0'],
])('with %j the mode of seccomp is %s', (flags, mode) => {
  const { stdout, stderr } = shell('grep ^Seccomp: /proc/self/status', ...flags);
  const refused = refusedToUsers(flags.join(' '));
  if (refused === undefined)
    expect({ stdout, stderr }).toEqual({ stdout: `Seccomp:\t${mode}\n`, stderr: '' });
  else expect({ stdout, stderr }).toEqual({ stdout: '', stderr: expect.stringContaining(refused) });
});

test.each([[['-u', '1000']], [[]]])(
  'what installs the filter of a box that may gain privileges is not left to it: %j',
  (flags) => {
    const caps = (...more: string[]) => shell('grep ^Cap /proc/self/status', ...flags, ...more);
    expect(caps('--security-opt', 'no-new-privileges=false')).toEqual(caps());
  },
);

test('unconfined, the kernel decides', () => {
  expect(probe('--security-opt', 'seccomp=unconfined').clone3).toBe('done');
});

test('a profile of the user’s is in force', () => {
  const rule = { names: ['getpid'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 };
  const found = probe('--security-opt', withRule(rule));
  expect([found.getpid, found.clone3]).toEqual(['EOPNOTSUPP', 'done']);
});

test('a profile may kill', () => {
  const rule = { names: ['mkdir'], action: 'SCMP_ACT_KILL_PROCESS' };
  expect(shell('mkdir /a', '--security-opt', withRule(rule)).status).toBe(128 + 31);
});

test('a profile without exit does not leave a box behind that cannot be started', () => {
  const names = ['exit_group', 'exit'];
  const option = withRule({ names, action: 'SCMP_ACT_ERRNO' });
  const { status } = tsbox(['run', '--security-opt', option, 'busybox', '--', 'no-such-program']);
  expect(status).toBe(127);
});

test.each<[string, object | string, string]>([
  ['no JSON', '{', 'not JSON'],
  ['no execve', { defaultAction: 'SCMP_ACT_ERRNO' }, 'execve is not allowed'],
  [
    'no such action',
    { defaultAction: 'SCMP_ACT_MAYBE' },
    'defaultAction: SCMP_ACT_MAYBE is unknown',
  ],
])('a profile that is refused: %s', (_, text, message) => {
  const { status, stderr } = shell('true', '--security-opt', profile(text));
  expect(status).toBe(125);
  expect(stderr).toContain(message);
});

test('a profile that is not there', () => {
  const { status, stderr } = shell('true', '--security-opt', 'seccomp=/no/such/file');
  expect(status).toBe(125);
  expect(stderr).toContain('--security-opt seccomp=/no/such/file: ENOENT');
});
