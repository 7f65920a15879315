/**
 * What a plan is made of: system calls as data. Native/plan.h is the manual of how they are
 * carried out; encode.ts writes them in its format, print.ts for people.
 */
import type { ErrnoName } from '../abi/errno.ts';
import type { SyscallName } from '../abi/syscalls.ts';

/** Names the result of a step (a descriptor, mostly) for the steps after it. */
export type Slot = string;

export type Argument =
  /** `text` is how it is printed, where its digits say too little. */
  | { readonly kind: 'number'; readonly value: number | bigint; readonly text?: string }
  /** A flag word, printed by the names of its bits. */
  | { readonly kind: 'flags'; readonly value: number; readonly names: readonly string[] }
  /** A string, as a pointer to its bytes and a final zero. */
  | { readonly kind: 'string'; readonly value: string }
  /** An argument vector: a pointer to pointers, the last of them null. */
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  /** A structure of 64-bit fields, as a pointer to it; what `size` has beyond them is zero. Bytes and structures in it are pointed to. */
  | { readonly kind: 'structure'; readonly fields: Fields; readonly size: number }
  /** Any other structure, as a pointer to its bytes. */
  | { readonly kind: 'bytes'; readonly value: Uint8Array; readonly text: string }
  | { readonly kind: 'slot'; readonly slot: Slot };

/** The fields of a structure by their names, in its order. */
export interface Fields
  extends Readonly<
    Record<string, Extract<Argument, { readonly kind: 'number' | 'flags' | 'bytes' | 'structure' }>>
  > {}

/** A call and its arguments: what calls.ts makes. */
export interface Call {
  readonly call: SyscallName | 'supervise' | 'become_init';
  readonly args: readonly Argument[];
}

export interface Step extends Call {
  /** Why the box needs this call: shown by `explain` and when the call fails. */
  readonly why: string;
  /** What the user can do when it fails. */
  readonly hint?: string;
  /** Where the result goes when the call succeeds. */
  readonly into?: Slot;
  /** The step is passed over while this slot, or one of its arguments, is empty. */
  readonly needs?: Slot;
  /** The step is passed over once this slot is filled. Not together with `needs`. */
  readonly unless?: Slot;
  /** Errors that count as done; at most four. */
  readonly accept?: readonly ErrnoName[];
}

/** The steps that make one kind of isolation. */
export interface Section {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** A call, the reason for it and how its result is used. */
export function step(
  call: Call,
  why: string,
  more: Pick<Step, 'into' | 'needs' | 'unless' | 'accept' | 'hint'> = {},
): Step {
  return { ...call, why, ...more };
}

export function stepsOf(sections: readonly Section[]): Step[] {
  return sections.flatMap(({ steps }) => steps);
}
