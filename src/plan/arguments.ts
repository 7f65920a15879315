/** What the arguments of a system call are made of, each with the text that `explain` shows for it. */
import { AT_FDCWD } from '../abi/flags.ts';
import type { Argument, Fields, Slot } from './step.ts';

type NumberArgument = Extract<Argument, { readonly kind: 'number' }>;
type FlagsArgument = Extract<Argument, { readonly kind: 'flags' }>;

export const NULL: NumberArgument = { kind: 'number', value: 0, text: 'NULL' };
const CURRENT_DIRECTORY: Argument = { kind: 'number', value: AT_FDCWD, text: 'AT_FDCWD' };

export const string = (value: string): Argument => ({ kind: 'string', value });
export const EMPTY: Argument = { kind: 'string', value: '' };
export const slot = (name: Slot): Argument => ({ kind: 'slot', slot: name });
export const number = (value: number | bigint, text?: string): NumberArgument =>
  text === undefined ? { kind: 'number', value } : { kind: 'number', value, text };
export const ZERO = number(0);
export const octal = (value: number): NumberArgument => number(value, `0${value.toString(8)}`);

/** Some words of a table of flags. */
export type Words<T> = readonly (keyof T & string)[];

/** No flag of the tables is above bit 31, except CLONE_INTO_CGROUP, which no step uses. */
function mask<T extends Record<string, number>>(table: T, words: Words<T>): number {
  let sum = 0;
  for (let index = 0; index < words.length; index++) sum |= table[words[index] as string] ?? 0;
  return sum >>> 0;
}

export function flags<T extends Record<string, number>>(table: T, words: Words<T>): FlagsArgument {
  return { kind: 'flags', value: mask(table, words), names: words };
}

/** @param size in bytes, of which the fields are the first; 8 for each of them when not given. */
export function structure(
  fields: Fields,
  size = Object.keys(fields).length * 8,
): Extract<Argument, { readonly kind: 'structure' }> {
  return { kind: 'structure', fields, size };
}

/** A directory for the `*at` calls: a slot, or the current directory. */
export type Directory = Slot | typeof HERE;
export const HERE = Symbol('AT_FDCWD');
export const directory = (at: Directory): Argument => (at === HERE ? CURRENT_DIRECTORY : slot(at));
