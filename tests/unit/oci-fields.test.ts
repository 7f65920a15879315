/** Every field of the specification is in docs/oci.md, in the configuration that the tests read, and has a bad value. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { badValues } from './bad-values.ts';
import { ociFields } from './oci-schema.ts';
import { type Json, whole } from './whole-config.ts';

const fields = ociFields.map(({ path }) => path);

const rows = readFileSync(new URL('../../docs/oci.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, names = '', container = '', vm = '']) => ({
    names: [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    container,
    vm,
  }));

function rowsOf(field: string) {
  const parts = field.split('.');
  return rows.filter(({ names }) => names.some((name) => matches(name.split('.'), parts)));
}

/** A `*` of the table stands for any name there. */
function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((each, index) => {
      const part = parts[index] ?? '';
      return each === part || each === '*' || (each === '*[]' && part.endsWith('[]'));
    })
  );
}

test('the schema is read', () => {
  expect(fields.length).toBeGreaterThan(180);
});

test('docs/oci.md has every field of the specification', () => {
  expect(fields.filter((field) => rowsOf(field).length === 0)).toEqual([]);
});

test('docs/oci.md has no field that the specification does not have', () => {
  const names = rows.flatMap((row) => row.names);
  const known = (name: string) =>
    fields.some((field) => matches(name.split('.'), field.split('.')));
  expect(names.filter((name) => !known(name))).toEqual([]);
});

test('what is neither refused nor ignored is in the configuration that the tests read', () => {
  const done = fields.filter((field) =>
    rowsOf(field).some(({ container }) => /^(yes|checked)$/.test(container)),
  );
  expect(done.filter((field) => !isIn(whole, field.split('.')))).toEqual([
    'linux.seccomp.listenerPath',
    'linux.seccomp.listenerMetadata',
  ]);
});

test('each has a value that is refused, or is refused itself, or ignored', () => {
  const bad = new Set(badValues.map(([path]) => fieldOf(path)));
  const is = (field: string, what: RegExp) =>
    rowsOf(field).some(({ container }) => what.test(container));
  const has = (field: string) => bad.has(field) || bad.has(`${field}.*`) || bad.has(`${field}[]`);
  const covered = (field: string): boolean =>
    has(field) ||
    is(field, /^ignored$/) ||
    aboves(field).some((above) => is(above, /^refused$/) && has(above));
  expect(fields.filter((field) => !covered(field))).toEqual([]);
});

/** `linux.timeOffsets["monotonic"].secs` is one of `linux.timeOffsets.*.secs`. */
function fieldOf(path: string): string {
  return path.replaceAll(/\["[^"]*"\]/g, '.*').replaceAll(/\[\d+\]/g, '[]');
}

function aboves(field: string): string[] {
  const names = field.split('.');
  return names.map((_, index) =>
    names
      .slice(0, index)
      .join('.')
      .replace(/(\[\]|\.\*)$/, ''),
  );
}

function isIn(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return value !== undefined;
  const [, key = '', list] = /^(.*?)(\[\])?$/.exec(name) ?? [];
  const object = (value ?? {}) as Json;
  const found = key === '*' ? Object.values(object) : [object[key]];
  const inner = list === undefined ? found : found.flatMap((each) => (each ?? []) as unknown[]);
  return inner.some((each) => isIn(each, rest));
}
