/** What the arguments of a system call are made of, each with the text that `explain` shows for it. */
import { AT_FDCWD } from '../abi/flags.ts';
import { halves } from '../abi/word.ts';
import type { Argument, Slot } from './step.ts';

export const NULL: Argument = { kind: 'number', value: 0, text: 'NULL' };
const CURRENT_DIRECTORY: Argument = { kind: 'number', value: AT_FDCWD, text: 'AT_FDCWD' };

export const string = (value: string): Argument => ({ kind: 'string', value });
export const slot = (name: Slot): Argument => ({ kind: 'slot', slot: name });
export const number = (value: number | bigint, text = String(value)): Argument => ({
  kind: 'number',
  value,
  text,
});
export const octal = (value: number): Argument => number(value, `0${value.toString(8)}`);

/** Some words of a table of flags. */
export type Words<T> = readonly (keyof T & string)[];

/** No flag of the tables is above bit 31, except CLONE_INTO_CGROUP, which no step uses. */
export function mask<T extends Record<string, number>>(table: T, words: Words<T>): number {
  return words.reduce((sum, word) => sum | (table[word] ?? 0), 0) >>> 0;
}

export function flags<T extends Record<string, number>>(table: T, words: Words<T>): Argument {
  return number(mask(table, words), words.join('|') || '0');
}

/** 64-bit little-endian numbers, one after the other: how most structures of the kernel look. */
export function structure(text: string, ...fields: (bigint | number)[]): Argument {
  const words = new Uint32Array(fields.length * 2);
  fields.forEach((field, index) => {
    const [low, high] = halves(field);
    words[index * 2] = low;
    words[index * 2 + 1] = high;
  });
  return { kind: 'bytes', value: new Uint8Array(words.buffer), text };
}

/** A directory for the `*at` calls: a slot, or the current directory. */
export type Directory = Slot | typeof HERE;
export const HERE = Symbol('AT_FDCWD');
export const directory = (at: Directory): Argument => (at === HERE ? CURRENT_DIRECTORY : slot(at));
