/** A shortened filter answers every call as the one that it was made of. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  filterCodes as codes,
  encodeFilter,
  type FilterInstruction,
} from '../../src/abi/classic-bpf.ts';
import { shorten } from '../../src/seccomp/shorten.ts';
import { verdict } from '../../src/seccomp/verdict.ts';

const architectures = [0xc000003e, 0x40000003];
const OFFSETS = [0, 4, 16, 20];
/** Few, so that conditions meet. */
const value = fc.constantFrom(0, 1, 2, 3, 7, 300, 0x40000000, 0xffffffff);

type Jump = 'JUMP_EQUAL' | 'JUMP_GREATER' | 'JUMP_GREATER_OR_EQUAL' | 'JUMP_SET';

/** What the accumulator holds decides what libseccomp asks of it. */
const step = fc.record({
  kind: fc.constantFrom('load', 'load', 'and', 'jump', 'branch', 'branch', 'branch', 'return'),
  offset: fc.constantFrom(...OFFSETS),
  jump: fc.constantFrom<Jump>('JUMP_EQUAL', 'JUMP_GREATER', 'JUMP_GREATER_OR_EQUAL', 'JUMP_SET'),
  k: value,
  far: fc.tuple(fc.nat(9), fc.nat(9)),
});

/** Jumps go forward, and each way ends. */
const program = fc.array(step, { minLength: 1, maxLength: 60 }).map((steps) => {
  const length = steps.length + 1;
  const instructions = steps.map(({ kind, offset, jump, k, far }, index): FilterInstruction => {
    const reach = (distance: number) => Math.min(distance, length - index - 2);
    if (kind === 'load') return [codes.LOAD_WORD, 0, 0, offset];
    if (kind === 'and') return [codes.AND, 0, 0, k];
    if (kind === 'jump') return [codes.JUMP, 0, 0, reach(far[0])];
    if (kind === 'branch') return [codes[jump], reach(far[0]), reach(far[1]), k];
    return [codes.RETURN, 0, 0, 0x7fff0000 + (k % 3)];
  });
  return encodeFilter([[codes.LOAD_WORD, 0, 0, 0], ...instructions, [codes.RETURN, 0, 0, 0x50001]]);
});

const numbers = [
  0, 1, 2, 3, 4, 6, 7, 8, 299, 300, 301, 0x3fffffff, 0x40000000, 0x40000001, 0xffffffff,
];
const args = [0n, 1n, 3n, 300n, 1n << 32n, (7n << 32n) | 2n, 2n ** 64n - 1n];

function answers(filter: Uint8Array): number[] {
  // 0 stands for all others, as programs ask for those two alone.
  return [...architectures, 0].flatMap((arch) =>
    numbers.flatMap((number) => args.map((arg) => verdict(filter, { arch, number, args: [arg] }))),
  );
}

test('random programs', () => {
  let shortened = 0;
  fc.assert(
    fc.property(program, (filter) => {
      const shorter = shorten(filter, architectures);
      if (shorter !== filter) shortened++;
      expect(shorter.length).toBeLessThanOrEqual(filter.length);
      expect(answers(shorter)).toEqual(answers(filter));
    }),
    { numRuns: 400 },
  );
  expect(shortened).toBeGreaterThan(100);
});

test('a chain of a thousand comparisons with far ends', () => {
  const [ALLOW, DENY] = [0x7fff0000, 0x50001];
  const odd = Array.from({ length: 1000 }, (_, index): FilterInstruction[] => [
    [codes.JUMP_EQUAL, 0, 1, index * 2],
    [codes.RETURN, 0, 0, index % 7 === 0 ? DENY : ALLOW + (index % 5)],
  ]);
  const filter = encodeFilter([
    [codes.LOAD_WORD, 0, 0, 0],
    ...odd.flat(),
    [codes.RETURN, 0, 0, DENY],
  ]);
  const shorter = shorten(filter, architectures);
  const all = (of: Uint8Array) =>
    Array.from({ length: 2010 }, (_, number) => verdict(of, { arch: 0, number, args: [] }));
  expect(all(shorter)).toEqual(all(filter));
});

test('an architecture that is not listed keeps its answer', () => {
  const [ALLOW, DENY] = [0x7fff0000, 0x50001];
  const byNumber = Array.from({ length: 20 }, (_, number): FilterInstruction[] => [
    [codes.JUMP_EQUAL, 0, 1, number],
    [codes.RETURN, 0, 0, ALLOW],
  ]).flat();
  const unlisted = (condition: FilterInstruction) =>
    encodeFilter([
      [codes.LOAD_WORD, 0, 0, 4],
      condition,
      [codes.RETURN, 0, 0, DENY],
      [codes.LOAD_WORD, 0, 0, 0],
      ...byNumber,
      [codes.RETURN, 0, 0, DENY],
    ]);
  for (const filter of [
    unlisted([codes.JUMP_EQUAL, 0, 1, 0xc00000b7]),
    unlisted([codes.JUMP_GREATER_OR_EQUAL, 0, 1, 0xc0000000]),
  ])
    for (const arch of [...architectures, 0, 0xc00000b7, 0xffffffff]) {
      const made = { arch, number: 3, args: [] };
      expect(verdict(shorten(filter, architectures), made)).toBe(verdict(filter, made));
    }
});

/** Each condition is about both halves of an argument, and goes on at the same place whichever fails. */
test('what would be walked twice for each condition is walked once', () => {
  const conditions = Array.from({ length: 60 }, (_, index): FilterInstruction[] => [
    [codes.LOAD_WORD, 0, 0, 20],
    [codes.JUMP_EQUAL, 0, 3, index],
    [codes.LOAD_WORD, 0, 0, 16],
    [codes.JUMP_EQUAL, 0, 1, index],
    [codes.RETURN, 0, 0, 0x7fff0000],
  ]).flat();
  const filter = encodeFilter([
    [codes.LOAD_WORD, 0, 0, 0],
    [codes.JUMP_EQUAL, 0, 0, 1],
    ...conditions,
    [codes.RETURN, 0, 0, 0x50001],
  ]);
  const args = (index: number) => [(BigInt(index) << 32n) | BigInt(index)];
  const shorter = shorten(filter, architectures);
  for (const index of [0, 1, 59, 60])
    for (const arch of [...architectures, 0])
      expect(verdict(shorter, { arch, number: 1, args: args(index) })).toBe(
        verdict(filter, { arch, number: 1, args: args(index) }),
      );
});
