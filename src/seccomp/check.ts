/**
 * Holds a compiled filter to its profile where libseccomp (2.5 at least) goes wrong: it may let a call
 * through that no rule allows, if several rules about it overlap in their inequalities. The program is
 * run for arguments around every number at which a rule turns; a profile that fails is refused.
 */
import type { Seccomp, SeccompArgument, SeccompRule } from '../spec/seccomp.ts';
import { verdict } from './verdict.ts';

/** A call with rules of the same answer, each a list of conditions that must hold together. */
interface Conditional {
  readonly name: string;
  readonly number: number;
  readonly rules: readonly (readonly SeccompArgument[])[];
  readonly answer: number;
}

/**
 * @param answerOf a rule's SECCOMP_RET value. @param numberOf a call's number in the architecture.
 * @throws Error that names the call.
 */
export function checkConditions(
  program: Uint8Array,
  { syscalls = [] }: Seccomp,
  arch: number,
  fallback: number,
  answerOf: (rule: SeccompRule) => number,
  numberOf: (name: string) => number,
): void {
  const unequal = syscalls.filter(({ args = [] }) => args.some(isInequality));
  for (const name of new Set(unequal.flatMap(({ names }) => names))) {
    const about = syscalls.filter(({ names }) => names.includes(name));
    const answers = new Set(about.map(answerOf));
    const [answer = fallback] = answers;
    const rules = about.flatMap(({ args = [] }) => alternatives(args));
    const number = numberOf(name);
    const overlap = rules.length > 1 && rules.every((rule) => rule.length > 0);
    if (number < 0 || answers.size !== 1 || !overlap) continue;
    check(program, arch, { name, number, rules, answer }, fallback);
  }
}

/** Several conditions on one argument are rules of their own. */
export function alternatives(args: readonly SeccompArgument[]): (readonly SeccompArgument[])[] {
  const indexes = new Set(args.map(({ index }) => index));
  return indexes.size === args.length ? [args] : args.map((each) => [each]);
}

function isInequality({ op }: SeccompArgument): boolean {
  return op !== 'SCMP_CMP_EQ' && op !== 'SCMP_CMP_MASKED_EQ';
}

function check(
  program: Uint8Array,
  arch: number,
  { name, number, rules, answer }: Conditional,
  fallback: number,
): void {
  const conditions = rules.flat();
  const choices = [0, 1, 2, 3, 4, 5].map((index) =>
    valuesOf(conditions.filter((one) => one.index === index)),
  );
  if (sizeOf(choices) > MAX_POINTS)
    throw new Error(
      `the seccomp profile's rules about ${name} have so many overlapping inequalities that it cannot be checked whether libseccomp makes the right filter of them: write fewer, or as SCMP_CMP_EQ and SCMP_CMP_MASKED_EQ`,
    );
  for (const args of points(choices)) {
    const matches = rules.some((all) => all.every((one) => holds(one, args[one.index] ?? 0n)));
    if (verdict(program, { arch, number, args }) === (matches ? answer : fallback)) continue;
    throw new Error(
      `libseccomp makes a wrong filter of the seccomp profile's rules about ${name}, whose inequalities overlap: write them so that no two rules hold for the same arguments, or as SCMP_CMP_EQ and SCMP_CMP_MASKED_EQ`,
    );
  }
}

/** All bits of half a word. */
const HALF = 2n ** 32n - 1n;

/** As many combinations as are tried at most: what has more is not taken on trust. */
const MAX_POINTS = 50_000;

/**
 * Combinations of arguments. A filter compares 32 bits at a time, so that each half of a number turns
 * something by itself: what one half is at and beside a number, with what the other is.
 */
function* points(choices: readonly (readonly bigint[])[]): Generator<bigint[]> {
  for (let number = 0; number < sizeOf(choices); number++) {
    let rest = number;
    yield choices.map((values) => {
      const value = values[rest % values.length] ?? 0n;
      rest = Math.floor(rest / values.length);
      return value;
    });
  }
}

function sizeOf(choices: readonly (readonly bigint[])[]): number {
  return choices.reduce((product, { length }) => product * length, 1);
}

function valuesOf(conditions: readonly SeccompArgument[]): bigint[] {
  if (conditions.length === 0) return [0n];
  const numbers = conditions.flatMap(({ op, value, valueTwo = 0 }) =>
    (op === 'SCMP_CMP_MASKED_EQ' ? [value, valueTwo] : [value]).map(BigInt),
  );
  const high = beside(numbers.map((value) => value >> 32n));
  const low = beside(numbers.map((value) => value & HALF));
  return high.flatMap((upper) => low.map((lower) => (upper << 32n) | lower));
}

function beside(halves: readonly bigint[]): bigint[] {
  const around = halves.flatMap((value) => [value - 1n, value, value + 1n]);
  return [...new Set([0n, ...around, HALF])].filter((value) => value >= 0n && value <= HALF);
}

/** As the specification has it: 64 bits without a sign. */
export function holds({ op, value, valueTwo = 0 }: SeccompArgument, given: bigint): boolean {
  const [one, two] = [BigInt(value), BigInt(valueTwo)];
  switch (op) {
    case 'SCMP_CMP_NE':
      return given !== one;
    case 'SCMP_CMP_LT':
      return given < one;
    case 'SCMP_CMP_LE':
      return given <= one;
    case 'SCMP_CMP_EQ':
      return given === one;
    case 'SCMP_CMP_GE':
      return given >= one;
    case 'SCMP_CMP_GT':
      return given > one;
    case 'SCMP_CMP_MASKED_EQ':
      return (given & one) === (two & one);
  }
}
