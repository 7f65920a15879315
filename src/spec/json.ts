/** JSON of a user's, read field by field: what is wrong with it is gathered, each with the path to it. */
import { type ProblemList, SpecError } from './errors.ts';

/** Where a value stands, and who hears of what is wrong with it. */
export interface JsonPlace {
  /** Of the whole, and before every problem. */
  readonly name: string;
  /** Empty for the whole. */
  readonly path: string;
  readonly problems: ProblemList;
}

/** Numbers that a double does not hold are bigints. @throws SpecError */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text, exactly);
  } catch (error) {
    throw new SpecError([`${name}: not JSON: ${(error as Error).message}`]);
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
      if (!keys.includes(key)) this.problem(key, `unknown; ${keys.join(', ')} are known`);
  }

  has(key: string): boolean {
    return (this.#fields[key] ?? null) !== null;
  }

  text(key: string): string | undefined {
    const value = this.#fields[key];
    if (typeof value === 'string') return value;
    this.problem(key, this.has(key) ? 'not a string' : 'missing');
    return undefined;
  }

  word<T extends string>(key: string, known: readonly T[]): T | undefined {
    const value = this.text(key);
    return value === undefined ? undefined : this.#known(key, value, known);
  }

  texts(key: string): string[] {
    return this.#list(key).flatMap((value, index) => {
      if (typeof value === 'string') return [value];
      this.problem(`${key}[${index}]`, 'not a string');
      return [];
    });
  }

  words<T extends string>(key: string, known: readonly T[]): T[] {
    return this.texts(key).flatMap((value) => this.#known(key, value, known) ?? []);
  }

  /** From 0 to `most`, 64 bits if that is not given; a bigint where a number would not be exact. */
  integer(key: string, most = UINT64): number | bigint | undefined {
    const value = this.#fields[key];
    const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
    if (whole && BigInt(value as number) >= 0n && BigInt(value as number) <= most)
      return value as number | bigint;
    this.problem(key, this.has(key) ? `not a whole number from 0 to ${most}` : 'missing');
    return undefined;
  }

  object(key: string): JsonObject {
    return JsonObject.from(this.has(key) ? this.#fields[key] : {}, this.#inside(key));
  }

  objects(key: string): JsonObject[] {
    return this.#list(key).flatMap(
      (value, index) => objectAt(value, this.#inside(`${key}[${index}]`)) ?? [],
    );
  }

  #list(key: string): readonly unknown[] {
    const value = this.has(key) ? this.#fields[key] : [];
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
    return { ...this.#place, path: path === '' ? key : `${path}.${key}` };
  }
}

function objectAt(value: unknown, place: JsonPlace): JsonObject | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new JsonObject(value as Record<string, unknown>, place);
  report(place, 'not an object');
  return undefined;
}

function report({ name, path, problems }: JsonPlace, what: string): void {
  problems.add(path === '' ? `${name}: ${what}` : `${name}: ${path}: ${what}`);
}
