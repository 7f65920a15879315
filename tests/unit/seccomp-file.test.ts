/** Seccomp profiles as files: both formats, and everything that is wrong with one at once. */
import { expect, test } from 'vitest';
import { SpecError } from '../../src/spec/errors.ts';
import type { Seccomp, SeccompRule } from '../../src/spec/seccomp.ts';
import { readProfile } from '../../src/spec/seccomp-file.ts';

const facts = { arch: 'x64', kernel: '6.1.0-13-amd64', capabilities: ['CAP_CHOWN'] } as const;
const base = { defaultAction: 'SCMP_ACT_ALLOW' };

function read(
  profile: object | string,
  own: Partial<typeof facts | { arch: 'arm64' }> = {},
): Seccomp {
  const text = typeof profile === 'string' ? profile : JSON.stringify(profile);
  return readProfile(text, 'F', { ...facts, ...own });
}

function problems(profile: object | string): readonly string[] {
  try {
    read(profile);
  } catch (error) {
    if (error instanceof SpecError) return error.problems;
    throw error;
  }
  return [];
}

const rule = { names: ['read'], action: 'SCMP_ACT_ERRNO' };

test.each<[string, object, Partial<SeccompRule> | undefined]>([
  ['a plain rule', rule, rule as SeccompRule],
  ['docker’s old name', { name: 'read', action: 'SCMP_ACT_ERRNO' }, rule as SeccompRule],
  ['an errno', { ...rule, errnoRet: 38 }, { errnoRet: 38 }],
  ['an errno by name', { ...rule, errno: 'ENOSYS' }, { errnoRet: 38 }],
  ['a number before a name', { ...rule, errno: 'ENOSYS', errnoRet: 1 }, { errnoRet: 1 }],
  ['args null', { ...rule, args: null }, rule as SeccompRule],
  ['a comment', { ...rule, comment: 'x' }, rule as SeccompRule],
  ['a capability that is held', { ...rule, includes: { caps: ['CAP_CHOWN'] } }, {}],
  ['one that is not', { ...rule, includes: { caps: ['CAP_CHOWN', 'CAP_KILL'] } }, undefined],
  [
    'excluded by a capability',
    { ...rule, excludes: { caps: ['CAP_KILL', 'CAP_CHOWN'] } },
    undefined,
  ],
  ['not excluded', { ...rule, excludes: { caps: ['CAP_KILL'] } }, {}],
  ['this architecture', { ...rule, includes: { arches: ['amd64', 's390x'] } }, {}],
  ['another one', { ...rule, includes: { arches: ['arm64'] } }, undefined],
  ['excluded by the architecture', { ...rule, excludes: { arches: ['amd64'] } }, undefined],
  ['a kernel from 4.8 on', { ...rule, includes: { minKernel: '4.8' } }, {}],
  ['a kernel from 6.1 on', { ...rule, includes: { minKernel: '6.1' } }, {}],
  ['a kernel from 6.2 on', { ...rule, includes: { minKernel: '6.2' } }, undefined],
  ['up to a kernel', { ...rule, excludes: { minKernel: '4.8' } }, undefined],
])('a rule: %s', (_, given, expected) => {
  const { syscalls } = read({ ...base, syscalls: [given] });
  if (expected === undefined) expect(syscalls).toEqual([]);
  else expect(syscalls).toEqual([expect.objectContaining(expected)]);
});

test('a condition, with a number that no double holds', () => {
  const args = '[{"index": 5, "value": 18446744073709551615, "valueTwo": 1, "op": "SCMP_CMP_EQ"}]';
  const text = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG", "args": ${args}}]}`;
  expect(read(text).syscalls?.[0]?.args).toEqual([
    { index: 5, value: 2n ** 64n - 1n, valueTwo: 1, op: 'SCMP_CMP_EQ' },
  ]);
});

const archMap = [
  { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
  { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
];

test('what archMap says of this architecture is what the profile is for', () => {
  expect(read({ ...base, archMap }).architectures).toEqual([
    'SCMP_ARCH_X86_64',
    'SCMP_ARCH_X86',
    'SCMP_ARCH_X32',
  ]);
  expect(read({ ...base, archMap }, { arch: 'arm64' }).architectures).toEqual([
    'SCMP_ARCH_AARCH64',
    'SCMP_ARCH_ARM',
  ]);
});

test('everything else of the specification', () => {
  const profile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    defaultErrnoRet: 5,
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_S390X'],
    flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
    syscalls: [],
  };
  expect(read(profile)).toEqual(profile);
  expect(read({ ...base, defaultErrno: 'ENOSYS' }).defaultErrnoRet).toBe(38);
});

const wrong = (own: object) => ({ ...base, syscalls: [{ ...rule, ...own }] });

test.each<[object | string, RegExp]>([
  ['{', /^F: not JSON: /],
  ['[]', /^F: not an object$/],
  [{}, /^F: defaultAction: missing$/],
  [{ ...base, typo: 1 }, /^F: typo: unknown; defaultAction, /],
  [{ ...base, defaultErrnoRet: 4096 }, /^F: defaultErrnoRet: not a whole number from 0 to 4095$/],
  [{ ...base, defaultErrno: 'EWHAT' }, /^F: defaultErrno: EWHAT is no error of errno\(3\)$/],
  [{ ...base, architectures: ['VAX'] }, /^F: architectures: VAX is unknown; SCMP_ARCH_X86, /],
  [
    { ...base, architectures: ['SCMP_ARCH_X86'], archMap },
    /^F: archMap: and architectures exclude/,
  ],
  [{ ...base, flags: ['X'] }, /^F: flags: X is unknown; SECCOMP_FILTER_FLAG_TSYNC, /],
  [{ ...base, syscalls: {} }, /^F: syscalls: not a list$/],
  [{ ...base, syscalls: [1] }, /^F: syscalls\[0\]: not an object$/],
  [wrong({ names: [] }), /^F: syscalls\[0\]\.names: no system call is named$/],
  [wrong({ names: [1] }), /^F: syscalls\[0\]\.names\[0\]: not a string$/],
  [wrong({ action: 'ALLOW' }), /^F: syscalls\[0\]\.action: ALLOW is unknown; SCMP_ACT_KILL, /],
  [wrong({ what: 1 }), /^F: syscalls\[0\]\.what: unknown; /],
  [
    wrong({ args: [{ index: 6, value: 1, op: 'SCMP_CMP_EQ' }] }),
    /args\[0\]\.index: not a whole number from 0 to 5$/,
  ],
  [
    wrong({ args: [{ index: 0, value: -1, op: 'SCMP_CMP_EQ' }] }),
    /args\[0\]\.value: not a whole number from 0 to 18446744073709551615$/,
  ],
  [
    wrong({ args: [{ index: 0, value: 1, op: 'EQ' }] }),
    /args\[0\]\.op: EQ is unknown; SCMP_CMP_NE, /,
  ],
  [wrong({ args: [{ index: 0, op: 'SCMP_CMP_EQ' }] }), /args\[0\]\.value: missing$/],
  [
    wrong({ includes: { minKernel: 'new' } }),
    /includes\.minKernel: new is no version such as 4\.8$/,
  ],
  [wrong({ includes: { cap: [] } }), /includes\.cap: unknown; caps, arches, minKernel are known$/],
  [{ defaultAction: 'SCMP_ACT_KILL' }, /^F: execve is not allowed/],
])('refused: %j', (profile, message) => {
  expect(problems(profile)).toEqual(expect.arrayContaining([expect.stringMatching(message)]));
});

test('all that is wrong is said at once', () => {
  expect(
    problems({ defaultAction: 'A', flags: ['B'], syscalls: [{ names: ['read'], action: 'C' }, 7] }),
  ).toHaveLength(4);
});
