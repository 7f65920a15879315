/** `tsbox explain --seccomp`: the profile of a box, call by call, with reasons. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tsbox } from '../host/tsbox.ts';

const directory = mkdtempSync(join(tmpdir(), 'seccomp-explain-'));
afterAll(() => rmSync(directory, { recursive: true }));

function given(profile: object): string[] {
  const path = join(directory, 'profile.json');
  writeFileSync(path, JSON.stringify(profile));
  return ['--security-opt', `seccomp=${path}`];
}

/** The text of one heading. */
function part(text: string, title: string): string {
  return text.split(/^## /m).find((each) => each.startsWith(title)) ?? '';
}

function list(...flags: string[]): string {
  const words = ['explain', '--seccomp', ...flags, 'busybox', '--', 'true'];
  const { status, stdout, stderr } = tsbox(words);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

const own = list();
const openat = { names: ['openat'], action: 'SCMP_ACT_ALLOW' };
const theirs = list(
  ...given({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    syscalls: [
      { names: ['execve', 'userfaultfd', 'strange'], action: 'SCMP_ACT_ALLOW' },
      { ...openat, args: [{ index: 1, op: 'SCMP_CMP_GE', value: 255 }] },
      { ...openat, args: [{ index: 2, op: 'SCMP_CMP_MASKED_EQ', value: 3, valueTwo: 1 }] },
    ],
  }),
);

test.each([
  ['a call that every program makes', own, 'Allowed\n', /^# what is open already\n {2}read write/m],
  ['one that a capability allows', own, 'Allowed\n', /by CAP_SYS_CHROOT\n {2}chroot\n/],
  ['one that needs one', own, 'Refused', /without CAP_BPF or .*\(EPERM\)\n {2}bpf\n/],
  [
    'one that nobody may make',
    own,
    'Refused',
    /keys .*\(EPERM\)\n {2}add_key request_key keyctl\n/,
  ],
  ['one that is hidden', own, 'Refused', /\(ENOSYS\)\n {2}clone3\n/],
  ['one with conditions', own, 'Allowed with', /# ioctl: .*\n.*unless argument 1 is TIOCSTI or/],
  [
    'a danger of a given profile',
    theirs,
    'Allowed\n',
    /profile refuses them: .*\n {2}userfaultfd\n/,
  ],
  ['what only that names', theirs, 'Allowed\n', /named by the profile alone\n {2}strange\n/],
  ['a condition of it', theirs, 'Allowed with', /allowed if argument 1 >= 0xff\n/],
  ['a mask of it', theirs, 'Allowed with', /allowed if \(argument 2 & 0x3\) == 0x1\n/],
  ['its default', theirs, 'Refused', /\(ENOSYS\)\n {2}socketpair bind/],
])('%s', (_, text, title, pattern) => {
  expect(part(text, title)).toMatch(pattern);
});

test('it is the same for a micro-VM', () => {
  expect(list('--vm')).toBe(own);
});

test('a box without a profile', () => {
  expect(list('--security-opt', 'seccomp=unconfined')).toMatch(/^# No seccomp profile: /);
});
