/**
 * A profile as the program that the kernel runs for every call, made by libseccomp (seccomp(3)). What
 * the specification leaves open is done as runc and crun do it: a name that is no call here is passed
 * over, and several conditions on one argument are alternatives.
 */
import { callOffsets, encodeFilter, filterCodes } from '../abi/classic-bpf.ts';
import { errnoNumber } from '../abi/errno.ts';
import {
  architecturesOf,
  newerSyscalls,
  seccompActions,
  seccompOperators,
} from '../abi/seccomp.ts';
import type { Arch } from '../abi/syscalls.ts';
import { type FilterContext, type Libseccomp, libseccomp } from '../linux/libseccomp.ts';
import type { Seccomp, SeccompAction, SeccompArgument, SeccompRule } from '../spec/seccomp.ts';
import { alternatives, checkConditions } from './check.ts';
import { prologue } from './prologue.ts';
import { shorten } from './shorten.ts';

/** A profile, and what tsbox's own says beyond the specification. */
export interface Compilation {
  readonly profile: Seccomp;
  readonly arch: Arch;
  /** Whether a call that is newer than this tsbox is answered by ENOSYS. */
  readonly unknownIsMissing: boolean;
}

const { LOAD_WORD, JUMP, JUMP_EQUAL } = filterCodes;
const EPERM = errnoNumber('EPERM');
const ENOSYS = errnoNumber('ENOSYS');

/** BPF_MAXINSNS, linux/bpf_common.h */
const MAX_INSTRUCTIONS = 4096;

/** @returns an array of `struct sock_filter`. @throws Error for people. */
export function compile({ profile, arch, unknownIsMissing }: Compilation): Uint8Array {
  const library = libseccomp();
  const native = nativeNumber();
  const fallback = answerOf(profile.defaultAction, profile.defaultErrnoRet);
  const filters = groups(arch, profile).map((tokens) => open(library, fallback, tokens));
  const newer = new Map<number, number>();
  for (const rule of profile.syscalls ?? []) {
    const answer = answerOf(rule.action, rule.errnoRet);
    if (answer === fallback) continue;
    for (const name of rule.names) {
      const number = library.number(native, name);
      if (number === UNKNOWN) addNewer(newer, name, answer, rule);
      else
        for (const filter of filters)
          addRule(library, filter, name, number, answer, rule.args ?? []);
    }
  }
  const before = prologue({
    newer,
    unknown: unknownIsMissing ? answerOf('SCMP_ACT_ERRNO', ENOSYS) : undefined,
    socketcall: limitsSockets(profile) ? fallback : undefined,
  });
  const programs = filters.map((filter) => programOf(library, filter));
  const whole = shorten(
    Buffer.concat([before, chosenByArchitecture(ownToken(arch), programs)]),
    knownTokens(arch),
  );
  if (whole.length > MAX_INSTRUCTIONS * 8)
    throw new Error(
      `the seccomp profile makes ${whole.length / 8} instructions, of which the kernel takes ${MAX_INSTRUCTIONS}: name fewer architectures or conditions`,
    );
  checkConditions(
    whole,
    profile,
    ownToken(arch),
    fallback,
    ({ action, errnoRet }) => answerOf(action, errnoRet),
    (name) => library.number(ownToken(arch), name),
  );
  return whole;
}

/** The machine's own first: the kernel finds it soonest then. */
function knownTokens(arch: Arch): number[] {
  const all = [architecturesOf[arch], ...Object.values(architecturesOf)];
  return [...new Set(all.flatMap((each) => [...each.values()]))];
}

/** __NR_SCMP_ERROR */
const UNKNOWN = -1;

function answerOf(action: SeccompAction, number: number | undefined): number {
  const withNumber = action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
  return seccompActions[action] + (withNumber ? (number ?? EPERM) : 0);
}

/**
 * Architectures by what the kernel takes them for, the machine's own first. Each group is compiled by
 * itself: the library takes half as long again for two of them together.
 */
function groups(arch: Arch, { architectures = [] }: Seccomp): number[][] {
  const wanted = [...architecturesOf[arch]].filter(
    ([name, token]) => token === ownToken(arch) || architectures.includes(name),
  );
  // The kernel tells x32 from x86-64 by numbers of calls alone.
  const isOwn = ([name, token]: (typeof wanted)[number]) =>
    token === ownToken(arch) || name === 'SCMP_ARCH_X32';
  const tokens = (all: typeof wanted) => all.map(([, token]) => token);
  const others = wanted.filter((one) => !isOwn(one));
  return [tokens(wanted.filter(isOwn)), ...(others.length === 0 ? [] : [tokens(others)])];
}

function open(library: Libseccomp, fallback: number, tokens: readonly number[]): FilterContext {
  const filter = library.open(fallback);
  setAttributes(library, filter);
  const native = nativeNumber();
  for (const token of tokens)
    if (token !== native) check(library.architecture(filter, token, true), 'architecture');
  if (!tokens.includes(native)) check(library.architecture(filter, native, false), 'architecture');
  return filter;
}

function programOf(library: Libseccomp, filter: FilterContext): Uint8Array {
  const program = library.program(filter);
  if (typeof program === 'number') throw failure('the program cannot be made', program);
  return program;
}

/** The first is for calls of that architecture; each answers those of another by itself. */
function chosenByArchitecture(token: number, programs: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array(), ...others] = programs;
  if (others.length === 0) return first;
  const choice = encodeFilter([
    [LOAD_WORD, 0, 0, callOffsets.ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, token],
    [JUMP, 0, 0, first.length / 8],
  ]);
  return Buffer.concat([choice, first, ...others]);
}

function setAttributes(library: Libseccomp, filter: FilterContext): void {
  // enum scmp_filter_attr
  const ACT_BADARCH = 2;
  const CTL_OPTIMIZE = 8;
  // An architecture that is not named is answered as by a kernel without it; the library would kill.
  check(library.attribute(filter, ACT_BADARCH, answerOf('SCMP_ACT_ERRNO', ENOSYS)), 'attribute');
  // A binary tree: the kernel runs the filter for every number of a call when it is installed.
  check(library.attribute(filter, CTL_OPTIMIZE, 2), 'attribute');
}

/** That the library's own architecture, whose numbers it takes for each other one's. */
function nativeNumber(): number {
  return ownToken(process.arch === 'arm64' ? 'arm64' : 'x64');
}

function ownToken(arch: Arch): number {
  const [own = 0] = architecturesOf[arch].values();
  return own;
}

function addRule(
  library: Libseccomp,
  filter: FilterContext,
  name: string,
  number: number,
  answer: number,
  args: readonly SeccompArgument[],
): void {
  for (const all of alternatives(args)) {
    const words = all.flatMap(({ index, op, value, valueTwo = 0 }) => [
      BigInt(index),
      BigInt(seccompOperators[op]),
      BigInt(value),
      BigInt(valueTwo),
    ]);
    check(library.rule(filter, answer, number, BigUint64Array.from(words)), name);
  }
}

/** @param newer gets the answer to it, unless no kernel that tsbox knows of has such a call. */
function addNewer(
  newer: Map<number, number>,
  name: string,
  answer: number,
  { args = [] }: SeccompRule,
): void {
  const number = newerSyscalls.get(name);
  if (number === undefined) return;
  if (args.length > 0)
    throw new Error(
      `seccomp profile: conditions on the arguments of ${name}: the host's libseccomp is too old to know that call: leave the rule out, or bring a newer libseccomp`,
    );
  if (!newer.has(number)) newer.set(number, answer);
}

/** Whether socketcall(2) would be a way around what the profile says of socket(2). */
function limitsSockets({ syscalls = [], defaultAction }: Seccomp): boolean {
  const about = (name: string) => syscalls.filter(({ names }) => names.includes(name));
  const conditional = about('socket').some(({ args = [] }) => args.length > 0);
  return conditional && defaultAction !== 'SCMP_ACT_ALLOW' && about('socketcall').length === 0;
}

function check(result: number, what: string): void {
  // EEXIST: the profile says it twice.
  if (result < 0 && result !== -errnoNumber('EEXIST')) throw failure(what, result);
}

function failure(what: string, result: number): Error {
  return new Error(`libseccomp refused the seccomp profile: ${what}: error ${-result}`);
}
