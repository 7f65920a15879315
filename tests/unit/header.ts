/** Reads the constants of a C header of native/, so that tests can hold TypeScript's to them. */
import { readFileSync } from 'node:fs';

export interface Header {
  /** `enum NAME { … }`: the numbers of its members, in their order. */
  numbersOf(name: string): Record<string, number>;
  /** The comment beside each member that has one. */
  commentsOf(name: string): Record<string, string>;
  /** `#define NAME number` */
  defined(name: string): number;
  /** What the header asserts of the size of `struct NAME`. */
  sizeOf(name: string): number;
}

export function readHeader(file: string): Header {
  const text = readFileSync(new URL(`../../native/${file}`, import.meta.url), 'utf8');
  const find = (pattern: string): string => {
    const found = new RegExp(pattern, 's').exec(text)?.[1];
    if (found === undefined) throw new Error(`${file} has nothing like ${pattern}`);
    return found;
  };
  const body = (name: string) => find(`enum ${name} \\{(.*?)\\n\\};`);
  return {
    numbersOf: (name) => {
      const numbers: Record<string, number> = {};
      const members = body(name).replaceAll(/\/\*.*?\*\//gs, '');
      for (const [, member = '', number] of members.matchAll(/(\w+)(?: = (\d+))?,?/g))
        numbers[member] = number === undefined ? Object.keys(numbers).length : Number(number);
      return numbers;
    },
    commentsOf: (name) =>
      Object.fromEntries(
        [...body(name).matchAll(/(\w+) = \d+,?\s*\/\* (.*?)\s*\*\//g)].map(
          ([, member = '', comment = '']) => [member, comment],
        ),
      ),
    defined: (name) => evaluate(find(`#define ${name} ([^\\n]*?)(?: /\\*[^\\n]*)?\\n`)),
    sizeOf: (name) => Number(find(`sizeof\\(struct ${name}\\) == (\\d+)`)),
  };
}

/** `4096`, `0xffffu` or `(1u << 24)` */
function evaluate(text: string): number {
  const [, base = '', shift = '0'] = /^\(?(\w+?)u?(?: << (\d+))?\)?$/.exec(text) ?? [];
  const number = Number(base) * 2 ** Number(shift);
  if (base === '' || Number.isNaN(number)) throw new Error(`not a number: ${text}`);
  return number;
}
