/** tsbox's own profile (default-profile.ts) for a box with certain capabilities, as a specification. */
import { errnoNumber } from '../abi/errno.ts';
import type { Arch } from '../abi/syscalls.ts';
import type { Seccomp, SeccompArgument, SeccompRule } from '../spec/seccomp.ts';
import type { Spec } from '../spec/spec.ts';
import {
  absent,
  allowed,
  auditSocket,
  guarded,
  type LimitedCall,
  limited,
} from './default-profile.ts';

/** The profile that a box has; undefined for one without. */
export function profileOf(
  { linux: { seccomp }, process }: Pick<Spec, 'linux' | 'process'>,
  arch: Arch,
): Seccomp | undefined {
  return seccomp === 'default' ? ownProfile(arch, process.capabilities.bounding) : seccomp;
}

/** @param capabilities of the bounding set: a set-user-id program may come to have them. */
export function ownProfile(arch: Arch, capabilities: readonly string[]): Seccomp {
  const held = (by: readonly string[] = []) => by.some((name) => capabilities.includes(name));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: errnoNumber('EPERM'),
    // Not x32: hardly any kernel has it, and its numbers have been a way around filters.
    architectures: [arch === 'x64' ? 'SCMP_ARCH_X86' : 'SCMP_ARCH_ARM'],
    syscalls: [
      ...allowed.map(({ calls }) => allow(calls)),
      ...guarded.flatMap(({ calls, by }) => (held(by) ? [allow(calls)] : [])),
      ...limited.flatMap((limit) =>
        held(limit.liftedBy) ? [allow([limit.call])] : limitedRules(limit, held(auditSocket.by)),
      ),
      ...absent.map(({ call, by }) =>
        held(by)
          ? allow([call])
          : {
              names: [call],
              action: 'SCMP_ACT_ERRNO' as const,
              errnoRet: errnoNumber('ENOSYS'),
            },
      ),
    ],
  };
}

function allow(names: readonly string[], ...args: SeccompArgument[]): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args.length === 0 ? {} : { args }) };
}

function limitedRules({ call, argument, limit }: LimitedCall, audit: boolean): SeccompRule[] {
  if ('clear' in limit) return [allow([call], under(argument, limit.clear, 0))];
  if ('not' in limit)
    return noneOf(argument, Object.values(limit.not)).map((other) => allow([call], other));
  return Object.values(limit.values).flatMap((value) =>
    call === 'socket' && value === auditSocket.family && !audit
      ? withoutAudit(argument)
      : [allow([call], equals(argument, value))],
  );
}

function withoutAudit(argument: number): SeccompRule[] {
  const PROTOCOL = 2;
  const netlink = equals(argument, auditSocket.family);
  return [
    ...noneOf(PROTOCOL, [auditSocket.protocol]).map((other) => allow(['socket'], netlink, other)),
    {
      names: ['socket'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: errnoNumber('EINVAL'),
      args: [netlink, equals(PROTOCOL, auditSocket.protocol)],
    },
  ];
}

/** What the kernel takes for an `int` has 32 bits more in its register, which anyone can set. */
const INT = 0xffffffff;

function equals(index: number, value: number): SeccompArgument {
  return under(index, INT, value);
}

function under(index: number, mask: number, value: number): SeccompArgument {
  return { index, op: 'SCMP_CMP_MASKED_EQ', value: mask, valueTwo: value };
}

/**
 * Alternatives that together say "none of these, in 32 bits", which no comparison of libseccomp's
 * does: one for each set of numbers that agree with one of them down to a bit, and not in it.
 */
export function noneOf(index: number, values: readonly number[]): SeccompArgument[] {
  const branch = (prefix: number, bit: number, below: readonly number[]): SeccompArgument[] => {
    const mask = bit === 31 ? 0 : (INT << (bit + 1)) >>> 0;
    if (below.length === 0) return [under(index, mask, prefix)];
    if (bit < 0) return [];
    const one = (1 << bit) >>> 0;
    const has = (value: number) => (value & one) !== 0;
    return [
      ...branch(
        prefix,
        bit - 1,
        below.filter((value) => !has(value)),
      ),
      ...branch((prefix | one) >>> 0, bit - 1, below.filter(has)),
    ];
  };
  return branch(0, 31, values);
}
