/**
 * The smallest profile with which a run goes as it went: what a recording writes. It allows no more
 * than the profile under which it was recorded: that one's rules about arguments are kept. A call that
 * was denied stays so with the same error, by which programs find their way (clone3, ENOSYS).
 */
import { errnoNumber } from '../abi/errno.ts';
import { architecturesOf } from '../abi/seccomp.ts';
import type { Arch } from '../abi/syscalls.ts';
import type { Seccomp, SeccompRule } from '../spec/seccomp.ts';
import { alternatives, holds } from './check.ts';

export interface NamedCall {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly arch: number;
  readonly name: string;
  /** With which it was denied; 0 when it was allowed. */
  readonly errno: number;
  readonly args: readonly bigint[];
}

const EPERM = errnoNumber('EPERM');

/** What `--init` calls (native/reap.c), mostly before the workload is there to be heard. */
export function callsOfInit(arch: Arch): NamedCall[] {
  const [SIGCHLD, TIOCSPGRP] = [17n, 0x5410n];
  const plain = ['setpgid', 'getpid', 'rt_sigprocmask', 'close_range', 'rt_sigtimedwait'];
  const [native = 0] = architecturesOf[arch].values();
  const call = (name: string, ...args: bigint[]): NamedCall => ({
    arch: native,
    name,
    errno: 0,
    args,
  });
  return [
    call('clone', SIGCHLD),
    call('ioctl', 0n, TIOCSPGRP),
    ...[...plain, 'wait4', 'kill', 'exit_group'].map((name) => call(name)),
  ];
}

/**
 * execve is always in it, as the filter is there before the workload.
 * @param given under which the calls were recorded; undefined for none.
 */
export function recordedProfile(
  calls: readonly NamedCall[],
  given: Seccomp | undefined,
  arch: Arch,
): Seccomp {
  const allowed = calls.filter(({ errno }) => errno === 0).map(({ name }) => name);
  const names = [...new Set(['execve', ...allowed])].toSorted();
  const limits = names.map((name) => limitsOf(name, given));
  const whole = names.filter((_, index) => limits[index]?.length === 0);
  const denied = calls.filter(
    ({ name, errno }) => ![0, EPERM].includes(errno) && !names.includes(name),
  );
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: architecturesIn(calls, arch),
    syscalls: [
      { names: whole, action: 'SCMP_ACT_ALLOW' },
      ...limits.flat().filter((rule) => isNeeded(rule, calls)),
      ...[...new Set(denied.map(({ errno }) => errno))].map(
        (errno): SeccompRule => ({
          names: namesOf(denied.filter((each) => each.errno === errno)),
          action: 'SCMP_ACT_ERRNO',
          errnoRet: errno,
        }),
      ),
    ],
  };
}

function architecturesIn(
  calls: readonly NamedCall[],
  arch: Arch,
): NonNullable<Seccomp['architectures']> {
  const used = new Set(calls.map((call) => call.arch));
  return [...architecturesOf[arch]].flatMap(([name, token], index) =>
    index === 0 || used.has(token) ? [name] : [],
  );
}

function namesOf(calls: readonly NamedCall[]): string[] {
  return [...new Set(calls.map(({ name }) => name))].toSorted();
}

/** A rule that allows what no call has asked for is not. */
function isNeeded({ names, action, args = [] }: SeccompRule, calls: readonly NamedCall[]): boolean {
  return (
    isDenial(action) ||
    calls.some(
      (call) =>
        names.includes(call.name) &&
        alternatives(args).some((all) =>
          all.every((one) => holds(one, call.args[one.index] ?? 0n)),
        ),
    )
  );
}

/** What the profile says of the call's arguments; nothing where they do not matter. */
function limitsOf(name: string, given: Seccomp | undefined): SeccompRule[] {
  if (given === undefined || !isDenial(given.defaultAction)) return [];
  const about = rulesAbout(name, given);
  if (isConditional(about)) return about.map((rule) => ({ ...rule, names: [name] }));
  // What compile.ts adds to such a profile, it does not add to one that names the call.
  if (name === 'socketcall' && about.length === 0 && isConditional(rulesAbout('socket', given)))
    return [{ names: [name], action: 'SCMP_ACT_ALLOW', args: [notSocket] }];
  return [];
}

/** SYS_SOCKET, linux/net.h */
const notSocket = { index: 0, op: 'SCMP_CMP_NE', value: 1 } as const;

function rulesAbout(name: string, { syscalls = [] }: Seccomp): SeccompRule[] {
  return syscalls.filter(({ names }) => names.includes(name));
}

function isConditional(rules: readonly SeccompRule[]): boolean {
  return rules.length > 0 && rules.every(({ args = [] }) => args.length > 0);
}

/**
 * Calls whose arguments the profile limits by what it denies, of which a profile that denies
 * everything else cannot say the same: a recording allows them whole.
 */
export function allowedWhole(calls: readonly NamedCall[], given: Seccomp | undefined): string[] {
  if (given === undefined || isDenial(given.defaultAction)) return [];
  const limited = (name: string) =>
    rulesAbout(name, given).some(({ args = [], action }) => args.length > 0 && isDenial(action));
  return namesOf(calls.filter(({ errno, name }) => errno === 0 && limited(name)));
}

function isDenial(action: Seccomp['defaultAction']): boolean {
  return !['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG'].includes(action);
}
