/** What the compiled filters answer, by an interpreter of theirs: no kernel is asked. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errnoNumber } from '../../src/abi/errno.ts';
import { architecturesOf, newerSyscalls, seccompOperators } from '../../src/abi/seccomp.ts';
import { holds } from '../../src/seccomp/check.ts';
import {
  absent,
  allowed,
  auditSocket,
  denied,
  guarded,
  limited,
} from '../../src/seccomp/default-profile.ts';
import { weighedCapabilities } from '../../src/seccomp/filter.ts';
import type { Seccomp, SeccompArgument, SeccompOperator } from '../../src/spec/seccomp.ts';
import { readProfile } from '../../src/spec/seccomp-file.ts';
import { ALLOW, errno, library, makeFilter, verdict } from './filter.ts';

const EPERM = errno(errnoNumber('EPERM'));
const ENOSYS = errno(errnoNumber('ENOSYS'));
const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const usual = ['CAP_SYS_CHROOT', 'CAP_AUDIT_WRITE'];
const filters = new Map<string, Uint8Array>();

/** Of tsbox's own profile. */
function own(capabilities: readonly string[] = usual, arch: 'x64' | 'arm64' = 'x64'): Uint8Array {
  const key = [arch, ...capabilities].join();
  const filter = filters.get(key) ?? makeFilter('default', arch, capabilities);
  filters.set(key, filter);
  return filter;
}

/** Negative for a call that the architecture does not have. */
function numberOf(name: string, arch = X86_64): number {
  const number = library.number(arch, name);
  return number === -1 ? (newerSyscalls.get(name) ?? -1) : number;
}

const high = 2n ** 32n;
const CLONE_NEWUSER = 0x10000000;

/** socketcall(2) of i386 and the calls behind it, and those behind ipc(2): for libseccomp they have no numbers. */
const multiplexed = (number: number): boolean =>
  [102, 337, 345].includes(number) ||
  (number >= 359 && number <= 373) ||
  (number >= 393 && number <= 402);

describe('tsbox’s own profile', () => {
  test.each([
    ['read', [], ALLOW],
    ['clone', [0x11], ALLOW],
    ['clone', [CLONE_NEWUSER | 0x11], EPERM],
    ['clone', [0x00020000], EPERM],
    ['clone3', [], ENOSYS],
    ['unshare', [CLONE_NEWUSER], EPERM],
    ['personality', [0xffffffff], ALLOW],
    ['personality', [2 ** 32], ALLOW],
    ['personality', [0x40000], EPERM],
    ['socket', [1, 1, 0], ALLOW],
    ['socket', [16, 3, 9], ALLOW],
    ['socket', [40, 1, 0], EPERM],
    ['socket', [2 ** 32 + 40, 1, 0], EPERM],
    ['socket', [38, 5, 0], EPERM],
    ['ioctl', [0, 0x5413], ALLOW],
    ['ioctl', [0, 0x5412], EPERM],
    ['ioctl', [0, 7 * 2 ** 32 + 0x5412], EPERM],
    ['ioctl', [0, 0x541c], EPERM],
    ['ioctl', [0, 0xffffffff], ALLOW],
    ['keyctl', [], EPERM],
    ['fchmodat2', [], ALLOW],
    ['statmount', [], EPERM],
    ['mseal', [], ALLOW],
  ] as const)('%s(%j)', (name, args, expected) => {
    expect(verdict(own(), { arch: X86_64, number: numberOf(name), args })).toBe(expected);
  });

  test.each([
    ['a call that is newer than tsbox', X86_64, 900, ENOSYS],
    ['a number between the known ones', X86_64, 400, EPERM],
    ['the private calls of x32', X86_64, 0x40000000 + 1, ENOSYS],
    ['x32, by the number of a newer call', X86_64, 0x40000000 + 452, ENOSYS],
    ['another architecture', 0x8, 1, ENOSYS],
  ])('%s', (_, arch, number, expected) => {
    expect(verdict(own(), { arch, number })).toBe(expected);
  });

  test('a 32-bit program makes no socket around the filter', () => {
    const socketcall = (call: number) =>
      verdict(own(), { arch: I386, number: numberOf('socketcall', I386), args: [call] });
    expect(socketcall(1)).toBe(EPERM);
    expect(socketcall(3)).toBe(ALLOW);
    const socket = (family: number) => verdict(own(), { arch: I386, number: 359, args: [family] });
    expect([socket(2), socket(40)]).toEqual([ALLOW, EPERM]);
  });

  test('without a capability for it, the audit’s socket looks as if the kernel had none', () => {
    const socket = (args: number[]) =>
      verdict(own([]), { arch: X86_64, number: numberOf('socket'), args });
    expect(socket([16, 3, 9])).toBe(errno(errnoNumber('EINVAL')));
    expect([socket([16, 3, 0]), socket([16, 3, 8]), socket([2, 3, 9])]).toEqual([
      ALLOW,
      ALLOW,
      ALLOW,
    ]);
  });

  test.each(guarded.flatMap(({ calls, by }) => by.map((one) => [one, calls] as const)))(
    '%s allows %j',
    (capability, calls) => {
      const there = calls.map((name) => numberOf(name)).filter((number) => number >= 0);
      const answers = (filter: Uint8Array) =>
        new Set(there.map((number) => verdict(filter, { arch: X86_64, number })));
      expect(answers(own([capability]))).toEqual(new Set([ALLOW]));
      expect(answers(own([]))).toEqual(new Set([EPERM]));
    },
  );

  test('CAP_SYS_ADMIN lifts what is said of clone', () => {
    const admin = own(['CAP_SYS_ADMIN']);
    const clone = { arch: X86_64, number: numberOf('clone'), args: [CLONE_NEWUSER] };
    expect(verdict(admin, clone)).toBe(ALLOW);
    expect(verdict(admin, { arch: X86_64, number: numberOf('clone3') })).toBe(ALLOW);
  });

  const named = [
    ...[...allowed, ...guarded, ...denied].flatMap(({ calls }) => calls),
    ...[...limited, ...absent].map(({ call }) => call),
  ];
  const architectures = [...architecturesOf.x64, ...architecturesOf.arm64].filter(
    ([name]) => name !== 'SCMP_ARCH_X32',
  );

  test('every call is named once', () => {
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
  });

  test('every name is that of a call', () => {
    const known = (name: string) =>
      newerSyscalls.has(name) ||
      architectures.some(([, token]) => library.number(token, name) !== -1);
    expect(named.filter((name) => !known(name))).toEqual([]);
  });

  test('the capabilities that are weighed are those that the profile speaks of', () => {
    const spoken = [...guarded, ...absent].flatMap(({ by }) => [...by]);
    const lifting = limited.flatMap(({ liftedBy = [] }) => [...liftedBy]);
    expect(new Set(weighedCapabilities)).toEqual(
      new Set([...spoken, ...lifting, ...auditSocket.by]),
    );
  });

  test.each(architectures)('every call of %s is named, or unknown to libseccomp', (name, arch) => {
    const numbers = new Set(named.map((each) => numberOf(each, arch)));
    const filter = own(
      usual,
      name === 'SCMP_ARCH_X86_64' || name === 'SCMP_ARCH_X86' ? 'x64' : 'arm64',
    );
    const allowedUnnamed = Array.from({ length: 700 }, (_, number) => number)
      .filter((number) => !numbers.has(number))
      .filter((number) => verdict(filter, { arch, number, args: [3] }) === ALLOW);
    expect(
      allowedUnnamed.filter((number) => !(name === 'SCMP_ARCH_X86' && multiplexed(number))),
    ).toEqual([]);
  });
});

/** The package golang-github-containers-common brings it. */
const podmans = '/usr/share/containers/seccomp.json';
/** Calls that are younger than that file, and capabilities that its rules are older than. */
const younger = new Set(
  [X86_64, I386].flatMap((arch) =>
    [...newerSyscalls.keys(), 'bpf', 'perf_event_open'].map(
      (name) => `${arch} ${numberOf(name, arch)}`,
    ),
  ),
);

describe.skipIf(!existsSync(podmans))('beside podman’s default', () => {
  const sets = [[], usual, ...weighedCapabilities.map((name) => [name])];
  test.each(sets.map((set) => [set]))('no weaker, with %j', (capabilities) => {
    const facts = { arch: 'x64', kernel: '6.1.0', capabilities } as const;
    const theirs = makeFilter(
      readProfile(readFileSync(podmans, 'utf8'), podmans, facts),
      'x64',
      [],
    );
    const ours = own(capabilities);
    const words = [0, 1, 2, 8, 9, 16, 17, 38, 40, 0x5412, 0x20000, CLONE_NEWUSER, 0xffffffff];
    const weaker = Array.from({ length: 600 }, (_, number) => number)
      .flatMap((number) =>
        words.flatMap((first) => words.map((other) => ({ number, args: [first, other, other] }))),
      )
      .flatMap((made) => [X86_64, I386].map((arch) => ({ ...made, arch })))
      .filter(({ arch, number }) => !younger.has(`${arch} ${number}`))
      .filter((made) => verdict(ours, made) === ALLOW && verdict(theirs, made) !== ALLOW);
    expect(weaker.slice(0, 5)).toEqual([]);
  });
});

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 5n, 6n, 2n ** 31n, high - 1n, high, high + 5n, 2n ** 64n - 1n),
);
const operators = Object.keys(seccompOperators) as SeccompOperator[];

/** Each about an argument of its own: two about one are alternatives. */
const conditions = (...ops: SeccompOperator[]) =>
  fc.uniqueArray(
    fc.record({
      index: fc.nat(5),
      op: fc.constantFrom(...ops),
      value: word,
      valueTwo: word,
    }) satisfies fc.Arbitrary<SeccompArgument>,
    { minLength: 1, maxLength: 3, selector: ({ index }) => index },
  );

const rulesOfOneCall = fc.oneof(
  conditions(...operators).map((one) => [one]),
  fc.array(conditions('SCMP_CMP_EQ', 'SCMP_CMP_MASKED_EQ'), { minLength: 1, maxLength: 4 }),
  fc.array(conditions(...operators), { minLength: 2, maxLength: 3 }),
);

/** undefined where libseccomp made a wrong filter of it, which was noticed, or where it could not be. */
function compiled(profile: Seccomp): Uint8Array | undefined {
  try {
    return makeFilter(profile, 'x64', []);
  } catch (error) {
    expect(String(error)).toMatch(
      /makes a wrong filter .* about getpid, whose inequalities overlap|rules about getpid have so many overlapping inequalities/,
    );
    return undefined;
  }
}

test('conditions mean what they say, whatever the arguments', () => {
  const points = fc.array(fc.array(word, { minLength: 6, maxLength: 6 }), {
    minLength: 20,
    maxLength: 20,
  });
  fc.assert(
    fc.property(rulesOfOneCall, points, (rules, made) => {
      const profile: Seccomp = {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: rules.map((args) => ({ names: ['getpid'], action: 'SCMP_ACT_ALLOW', args })),
      };
      const filter = compiled(profile);
      fc.pre(filter !== undefined);
      const values = rules.flatMap((args) => args.map(({ value }) => BigInt(value)));
      // Beside arbitrary points those at which the rules turn.
      const near = values.map((value) => Array.from({ length: 6 }, () => value));
      for (const args of [...made, ...near]) {
        const allowed = rules.some((all) =>
          all.every((one) => holds(one, BigInt.asUintN(64, args[one.index] ?? 0n))),
        );
        const answer = verdict(filter, { arch: X86_64, number: numberOf('getpid'), args });
        expect(answer).toBe(allowed ? ALLOW : EPERM);
      }
    }),
    { numRuns: 300 },
  );
});

test('a filter that libseccomp gets wrong is noticed', () => {
  const conditionOf = (index: number, value: number): SeccompArgument => ({
    index,
    op: 'SCMP_CMP_NE',
    value,
  });
  const rules = [[conditionOf(0, 0)], [conditionOf(1, 6), conditionOf(0, 5)]];
  const syscalls = rules.map(
    (args) => ({ names: ['getpid'], action: 'SCMP_ACT_ALLOW', args }) as const,
  );
  // A later libseccomp may get it right.
  const filter = compiled({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
  const made = { arch: X86_64, number: numberOf('getpid'), args: [0, 6] };
  expect(filter === undefined ? EPERM : verdict(filter, made)).toBe(EPERM);
});

test.each<[string, Partial<Seccomp>, string, readonly number[], number]>([
  ['default errno', { defaultErrnoRet: 5 }, 'getpid', [], errno(5)],
  ['a rule’s errno', rule({ action: 'SCMP_ACT_ERRNO', errnoRet: 7 }), 'getpid', [], errno(7)],
  ['kill', rule({ action: 'SCMP_ACT_KILL_PROCESS' }), 'getpid', [], 0x80000000],
  ['trace', rule({ action: 'SCMP_ACT_TRACE', errnoRet: 9 }), 'getpid', [], 0x7ff00009],
  ['log', rule({ action: 'SCMP_ACT_LOG' }), 'getpid', [], 0x7ffc0000],
  [
    'conditions on one argument are alternatives',
    rule({ args: [is(1), is(2)] }),
    'getpid',
    [2],
    ALLOW,
  ],
  ['… and nothing else', rule({ args: [is(1), is(2)] }), 'getpid', [3], EPERM],
  ['a name of no call is passed over', rule({ names: ['no_such', 'getpid'] }), 'getpid', [], ALLOW],
  [
    'a call that libseccomp may not know',
    rule({ names: ['file_getattr'] }),
    'file_getattr',
    [],
    ALLOW,
  ],
  ['a call that is newer than all', {}, 'read', [], EPERM],
])('a given profile: %s', (_, own, name, args, expected) => {
  const filter = makeFilter({ defaultAction: 'SCMP_ACT_ERRNO', ...own }, 'x64', []);
  expect(verdict(filter, { arch: X86_64, number: numberOf(name), args })).toBe(expected);
});

function rule(own: Partial<NonNullable<Seccomp['syscalls']>[number]>): Partial<Seccomp> {
  return { syscalls: [{ names: ['getpid'], action: 'SCMP_ACT_ALLOW', ...own }] };
}

function is(value: number): SeccompArgument {
  return { index: 0, op: 'SCMP_CMP_EQ', value };
}
