/** JSON of a user's, read field by field: what is wrong with it is gathered, each with the path to it. */
import { type ProblemList, SpecError } from './errors.ts';
import { nearest } from './nearest.ts';

/** Where a value stands, and who hears of what is wrong with it. */
export interface JsonPlace {
  /** Of the whole, and before every problem. */
  readonly name: string;
  /** Empty for the whole. */
  readonly path: string;
  readonly problems: ProblemList;
  /** Told of fields that nobody asks for, where they are no problem. */
  readonly notes?: string[];
}

/**
 * Numbers that a double does not hold are bigints.
 * @param text of byte-text.ts, where bytes that are not UTF-8 are told of by the path to them.
 * @throws SpecError
 */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text, exactly);
  } catch (error) {
    // The only other error of JSON.parse.
    const why = error instanceof SyntaxError ? error.message : 'nested too deeply';
    throw new SpecError([`${name}: not JSON: ${visible(why)}`]);
  }
}

/** Where V8 does not give the third argument, a number that is not exact is refused later. */
function exactly(this: unknown, _: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return context?.source !== undefined && /^-?\d+$/.test(context.source)
    ? BigInt(context.source)
    : value;
}

const UINT64 = 2n ** 64n - 1n;

/** An object, and the kinds of fields that it can have. A field that is null is absent. */
export class JsonObject {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #place: JsonPlace;

  constructor(fields: Readonly<Record<string, unknown>>, place: JsonPlace) {
    this.#fields = fields;
    this.#place = place;
  }

  /** An empty one where it is something else. */
  static from(value: unknown, place: JsonPlace): JsonObject {
    return objectAt(value, place) ?? new JsonObject({}, place);
  }

  problem(key: string, what: string): void {
    report(this.#inside(key), what);
  }

  /** Every other field is a problem. */
  allow(keys: readonly string[]): void {
    for (const key of Object.keys(this.#fields))
      if (!keys.includes(key)) this.problem(shown(key), `unknown; ${keys.join(', ')} are known`);
  }

  /** Every other field is ignored, and told of. */
  ignoreOthers(keys: readonly string[]): void {
    for (const key of Object.keys(this.#fields)) {
      if (keys.includes(key) || !this.has(key)) continue;
      const meant = nearest(key, keys);
      const hint = meant.length === 0 ? '' : ` (is ${meant.join(' or ')} meant?)`;
      this.note(shown(key), `unknown to tsbox and ignored${hint}`);
    }
  }

  note(key: string, what: string): void {
    const { name, path, notes } = this.#inside(key);
    notes?.push(visible(`${name}: ${path}: ${what}`));
  }

  has(key: string): boolean {
    return (this.#own(key) ?? null) !== null;
  }

  text(key: string): string | undefined {
    const value = this.#own(key);
    if (typeof value === 'string') return this.#whole(key, value);
    this.problem(key, this.has(key) ? 'not a string' : 'missing');
    return undefined;
  }

  /** false where it is absent. */
  flag(key: string): boolean {
    const value = this.has(key) ? this.#own(key) : false;
    if (typeof value === 'boolean') return value;
    this.problem(key, 'neither true nor false');
    return false;
  }

  word<T extends string>(key: string, known: readonly T[]): T | undefined {
    const value = this.text(key);
    return value === undefined ? undefined : this.#known(key, value, known);
  }

  texts(key: string): string[] {
    return this.#list(key).flatMap((value, index) => {
      const place = `${key}[${index}]`;
      if (typeof value === 'string') return this.#whole(place, value) ?? [];
      this.problem(place, 'not a string');
      return [];
    });
  }

  words<T extends string>(key: string, known: readonly T[]): T[] {
    return this.texts(key).flatMap((value) => this.#known(key, value, known) ?? []);
  }

  /** Texts by any names, of which each is a text of that kind itself. */
  textsByName(key: string): Record<string, string> {
    return Object.fromEntries(
      this.#named(key).flatMap(([name, value]) => {
        const place = `${key}[${JSON.stringify(name)}]`;
        if (typeof value !== 'string') this.problem(place, 'not a string');
        const text = typeof value === 'string' ? this.#whole(place, value) : undefined;
        return text === undefined ? [] : [[name, text]];
      }),
    );
  }

  /** Objects by any names. */
  objectsByName(key: string): [string, JsonObject][] {
    return this.#named(key).flatMap(([name, value]) => {
      const found = objectAt(value, this.#inside(`${key}[${JSON.stringify(name)}]`));
      return found === undefined ? [] : [[name, found]];
    });
  }

  /** From `least` to `most`, 0 and 64 bits if they are not given; a bigint where a number would not be exact. */
  integer(key: string, most = UINT64, least = 0n): number | bigint | undefined {
    if (this.has(key)) return this.#number(key, this.#own(key), most, least);
    this.problem(key, 'missing');
    return undefined;
  }

  integers(key: string, most: bigint): (number | bigint)[] {
    return this.#list(key).flatMap(
      (value, index) => this.#number(`${key}[${index}]`, value, most, 0n) ?? [],
    );
  }

  object(key: string): JsonObject {
    return JsonObject.from(this.has(key) ? this.#own(key) : {}, this.#inside(key));
  }

  objects(key: string): JsonObject[] {
    return this.#list(key).flatMap(
      (value, index) => objectAt(value, this.#inside(`${key}[${index}]`)) ?? [],
    );
  }

  #number(key: string, value: unknown, most: bigint, least: bigint): number | bigint | undefined {
    const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
    if (whole && BigInt(value as number) >= least && BigInt(value as number) <= most)
      return value as number | bigint;
    this.problem(key, `not a whole number from ${least} to ${most}`);
    return undefined;
  }

  /** Not what every object has from its prototype. */
  #own(key: string): unknown {
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  #named(key: string): [string, unknown][] {
    const value = this.has(key) ? this.#own(key) : {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.entries(value).filter(
        ([name]) => this.#whole(`${key}[${JSON.stringify(name)}]`, name) !== undefined,
      );
    this.problem(key, 'not an object');
    return [];
  }

  /** The kernel takes a null character for the end, and half a character would be a byte of another text. */
  #whole(key: string, text: string): string | undefined {
    if (text.includes('\0')) this.problem(key, 'a null character is in it');
    else if (!text.isWellFormed())
      this.problem(key, 'bytes that are not UTF-8, or half a character such as \\ud800, are in it');
    else return text;
    return undefined;
  }

  #list(key: string): readonly unknown[] {
    const value = this.has(key) ? this.#own(key) : [];
    if (Array.isArray(value)) return value;
    this.problem(key, 'not a list');
    return [];
  }

  #known<T extends string>(key: string, value: string, known: readonly T[]): T | undefined {
    if ((known as readonly string[]).includes(value)) return value as T;
    this.problem(key, `${value} is unknown; ${known.join(', ')} are known`);
    return undefined;
  }

  #inside(key: string): JsonPlace {
    const { path } = this.#place;
    const dot = path === '' || key.startsWith('[') ? '' : '.';
    return { ...this.#place, path: `${path}${dot}${key}` };
  }
}

function objectAt(value: unknown, place: JsonPlace): JsonObject | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new JsonObject(value as Record<string, unknown>, place);
  report(place, 'not an object');
  return undefined;
}

function report({ name, path, problems }: JsonPlace, what: string): void {
  problems.add(visible(path === '' ? `${name}: ${what}` : `${name}: ${path}: ${what}`));
}

/** A field's name as a path has it. */
function shown(key: string): string {
  return /^[\w.-]+$/.test(key) ? key : `[${JSON.stringify(key)}]`;
}

/** On one line, and nothing that a terminal would carry out: it may quote what a stranger has written. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}]/gu, (each) => {
    const code = each.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${code}`;
  });
}
