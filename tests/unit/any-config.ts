/** Configurations that are generated from the specification's schema: changes of one that is good. */
import fc from 'fast-check';
import { ociFields, type Schema } from './oci-schema.ts';
import { changed, type Json } from './whole-config.ts';

/**
 * What strings of a field are drawn from, beside those that fit nowhere.
 * @param field as in oci-schema.ts; with `{}` behind it where names in it are meant.
 */
export type Words = (field: string) => readonly string[];

/** All that a configuration has there. */
export function wordsIn(config: Json): Words {
  const found = new Map<string, string[]>();
  const add = (field: string, word: string) =>
    found.set(field, [...(found.get(field) ?? []), word]);
  const walk = (value: unknown, field: string): void => {
    if (typeof value === 'string') add(field, value);
    else if (Array.isArray(value)) for (const each of value) walk(each, `${field}[]`);
    else if (typeof value === 'object' && value !== null)
      for (const [name, each] of Object.entries(value)) {
        add(`${field}{}`, name);
        walk(each, `${field}.*`);
        walk(each, field === '' ? name : `${field}.${name}`);
      }
  };
  walk(config, '');
  return (field) => found.get(field) ?? [];
}

const nowhere = [
  '',
  'x',
  '-1',
  '0-3',
  'max',
  'é',
  '__proto__',
  'a\0b',
  'a\ud800',
  'x'.repeat(5000),
];
const wrongType = fc.constantFrom<unknown>(null, true, 0.5, 1e300, -0, 'x', [], {}, [null], [{}]);
const limits = [7, 8, 16, 31, 32, 53, 63, 64].map((bits) => 2n ** BigInt(bits));
const numbers = [0n, 1n, ...limits.flatMap((limit) => [limit - 1n, limit])];

/** Bigints where a number would not be exact. */
const integer = fc
  .oneof(
    { weight: 3, arbitrary: fc.constantFrom(...numbers, ...numbers.map((number) => -number)) },
    { weight: 2, arbitrary: fc.bigInt({ min: -2n, max: 200n }) },
  )
  .map((number) => (Number.isSafeInteger(Number(number)) ? Number(number) : number));

/** Mostly of the schema's type. */
function anyValue(schema: Schema, field: string, words: Words): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 15, arbitrary: typed(schema, field, words) },
    { weight: 1, arbitrary: wrongType },
  );
}

function typed(schema: Schema, field: string, words: Words): fc.Arbitrary<unknown> {
  const { items, properties, additionalProperties, patternProperties = {} } = schema;
  const member = additionalProperties ?? Object.values(patternProperties)[0];
  if (properties !== undefined) {
    const names = Object.entries(properties).map(
      ([name, each]) =>
        [name, anyValue(each, field === '' ? name : `${field}.${name}`, words)] as const,
    );
    return fc.record(Object.fromEntries(names), { requiredKeys: [], noNullPrototype: true });
  }
  if (items !== undefined) return fc.array(anyValue(items, `${field}[]`, words), { maxLength: 3 });
  if (member !== undefined)
    return fc.dictionary(text(schema, `${field}{}`, words), anyValue(member, `${field}.*`, words), {
      maxKeys: 3,
      noNullPrototype: true,
    });
  if (schema.type === 'integer') return integer;
  return schema.type === 'boolean' ? fc.boolean() : text(schema, field, words);
}

function text(schema: Schema, field: string, words: Words): fc.Arbitrary<string> {
  const fitting = [...(schema.enum ?? []), ...words(field)];
  const others = { weight: 1, arbitrary: fc.constantFrom(...nowhere) };
  if (fitting.length === 0) return others.arbitrary;
  return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...fitting) }, others);
}

/** Where the field is in the configuration, or could be put without another that is not there. */
function placesOf(field: string, config: unknown): string[] {
  return field
    .split('.')
    .reduce<{ readonly path: string; readonly value: unknown }[]>(
      (before, part) =>
        before.flatMap(({ path, value }) => {
          if (typeof value !== 'object' || value === null) return [];
          const [, key = '', list] = /^(.*?)(\[\])?$/.exec(part) ?? [];
          const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
          if (key === '*')
            return Object.entries(value).map(([name, each]) => ({
              path: `${path}[${JSON.stringify(name)}]`,
              value: each as unknown,
            }));
          const found = (value as Json)[key];
          if (list === undefined) return [{ path: inside(key), value: found }];
          return Array.isArray(found)
            ? found.map((each, index) => ({
                path: `${inside(key)}[${index}]`,
                value: each as unknown,
              }))
            : [];
        }),
      [{ path: '', value: config }],
    )
    .map(({ path }) => path);
}

/** @param most fields that are changed. @param config a good one. */
export function anyConfig(config: Json, words: Words, most: number): fc.Arbitrary<unknown> {
  const change = fc
    .constantFrom(...ociFields.filter(({ path }) => placesOf(path, config).length > 0))
    .chain(({ path, schema }) =>
      fc.tuple(fc.constantFrom(...placesOf(path, config)), anyValue(schema, path, words)),
    );
  return fc
    .array(change, { minLength: 1, maxLength: most })
    .map((changes) =>
      changes.reduce<unknown>((before, [path, value]) => changed(path, value, before), config),
    );
}
