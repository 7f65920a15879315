/** What a recording writes of calls that were allowed and denied under a profile. */
import { expect, test } from 'vitest';
import { allowedWhole, type NamedCall, recordedProfile } from '../../src/seccomp/recorded.ts';
import type { Seccomp, SeccompArgument, SeccompRule } from '../../src/spec/seccomp.ts';

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const EPERM = 1;
const ENOSYS = 38;

const made = (name: string, errno = 0, args: bigint[] = []): NamedCall => ({
  arch: X86_64,
  name,
  errno,
  args,
});
const allow = (names: string[], ...args: SeccompArgument[]): SeccompRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args.length === 0 ? {} : { args }),
});
const deny = (names: string[], errnoRet: number, ...args: SeccompArgument[]): SeccompRule => ({
  ...allow(names, ...args),
  action: 'SCMP_ACT_ERRNO',
  errnoRet,
});
const is = (value: number, index = 0): SeccompArgument => ({ index, op: 'SCMP_CMP_EQ', value });
const denying = (...syscalls: SeccompRule[]): Seccomp => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls,
});
const allowing = (...syscalls: SeccompRule[]): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls,
});

test.each<[string, Seccomp | undefined, NamedCall[], SeccompRule[]]>([
  ['nothing', undefined, [], [allow(['execve'])]],
  ['each once', undefined, [made('read'), made('read')], [allow(['execve', 'read'])]],
  ['a denied one', denying(), [made('mount', EPERM)], [allow(['execve'])]],
  [
    'one that was denied otherwise',
    denying(deny(['clone3'], ENOSYS)),
    [made('clone3', ENOSYS)],
    [allow(['execve']), deny(['clone3'], ENOSYS)],
  ],
  [
    'one that was allowed, too',
    denying(allow(['clone'], is(17)), deny(['clone'], ENOSYS, is(18))),
    [made('clone', 0, [17n]), made('clone', ENOSYS, [18n])],
    [allow(['execve']), allow(['clone'], is(17)), deny(['clone'], ENOSYS, is(18))],
  ],
  [
    'of the rules about arguments those that were used',
    denying(allow(['socket', 'ioctl'], is(1)), allow(['socket'], is(2)), allow(['socket'], is(3))),
    [made('socket', 0, [1n]), made('socket', 0, [3n])],
    [allow(['execve']), allow(['socket'], is(1)), allow(['socket'], is(3))],
  ],
  [
    'alternatives about one argument',
    denying(allow(['socket'], is(1), is(2))),
    [made('socket', 0, [2n])],
    [allow(['execve']), allow(['socket'], is(1), is(2))],
  ],
  [
    'what does not matter',
    denying(allow(['read']), allow(['read'], is(1))),
    [made('read')],
    [allow(['execve', 'read'])],
  ],
  [
    'no way around the limits of socket',
    denying(allow(['socket'], is(1)), allow(['bind'])),
    [{ ...made('socketcall', 0, [2n]), arch: I386 }],
    [allow(['execve']), allow(['socketcall'], { index: 0, op: 'SCMP_CMP_NE', value: 1 })],
  ],
  [
    'what a profile denies by its arguments',
    allowing(deny(['personality'], EPERM, is(8))),
    [made('personality')],
    [allow(['execve', 'personality'])],
  ],
])('%s', (_, given, calls, rules) => {
  expect(recordedProfile(calls, given, 'x64').syscalls).toEqual(rules);
});

test('only of the last is more allowed than was', () => {
  const given = allowing(deny(['personality'], EPERM, is(8)), deny(['mount'], EPERM));
  const calls = [made('personality'), made('read'), made('mount', EPERM)];
  expect(allowedWhole(calls, given)).toEqual(['personality']);
  expect(allowedWhole(calls, denying(allow(['personality'], is(0))))).toEqual([]);
});

test('architectures are those of the calls, and the machine’s', () => {
  const architectures = (arch: number) =>
    recordedProfile([{ ...made('read'), arch }], undefined, 'x64').architectures;
  expect(architectures(X86_64)).toEqual(['SCMP_ARCH_X86_64']);
  expect(architectures(I386)).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
});
