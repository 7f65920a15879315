/** Every field of the specification is in docs/oci.md, and in the configuration that the tests read. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Json, whole } from './whole-config.ts';

/** Debian's golang-github-opencontainers-specs-dev (scripts/setup); it is a version of before 1.2. */
const directory = '/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema';

const newer = [
  'process.ioPriority',
  ...['class', 'priority'].map((name) => `process.ioPriority.${name}`),
  'process.scheduler',
  ...['policy', 'nice', 'priority', 'flags', 'runtime', 'deadline', 'period'].map(
    (name) => `process.scheduler.${name}`,
  ),
  'process.execCPUAffinity',
  ...['initial', 'final'].map((name) => `process.execCPUAffinity.${name}`),
  'linux.timeOffsets',
  ...['secs', 'nanosecs'].map((name) => `linux.timeOffsets.*.${name}`),
  'linux.netDevices',
  'linux.netDevices.*.name',
  'linux.memoryPolicy',
  ...['mode', 'nodes', 'flags'].map((name) => `linux.memoryPolicy.${name}`),
  'linux.intelRdt.schemata',
  'linux.intelRdt.enableMonitoring',
  'freebsd',
];

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
}

const load = (file: string): Json => JSON.parse(readFileSync(`${directory}/${file}`, 'utf8'));

/** Sections of other systems end with their names. */
const foreign = ['windows', 'solaris', 'zos', 'freebsd', 'vm'];

function fieldsIn(schema: Schema, file: string, path = ''): string[] {
  if (foreign.includes(path)) return [];
  const [of = '', pointer = ''] = schema.$ref?.split('#') ?? [];
  const target = of === '' ? file : of;
  const parts = pointer.split('/').filter((part) => part !== '');
  const referred = parts.reduce<unknown>((value, part) => (value as Json)[part], load(target));
  const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
  return [
    ...(schema.$ref === undefined ? [] : fieldsIn(referred as Schema, target, path)),
    ...[...(schema.allOf ?? []), ...(schema.anyOf ?? [])].flatMap((part) =>
      fieldsIn(part, file, path),
    ),
    ...(schema.items === undefined ? [] : fieldsIn(schema.items, file, `${path}[]`)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, each]) => [
      inside(name),
      ...fieldsIn(each, file, inside(name)),
    ]),
    ...(schema.additionalProperties === undefined
      ? []
      : fieldsIn(schema.additionalProperties, file, inside('*'))),
  ];
}

const published = fieldsIn(load('config-schema.json') as Schema, 'config-schema.json');
const fields = [...new Set([...published, ...newer])];

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
  expect(published.length).toBeGreaterThan(150);
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

function isIn(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return value !== undefined;
  const [, key = '', list] = /^(.*?)(\[\])?$/.exec(name) ?? [];
  const object = (value ?? {}) as Json;
  const found = key === '*' ? Object.values(object) : [object[key]];
  const inner = list === undefined ? found : found.flatMap((each) => (each ?? []) as unknown[]);
  return inner.some((each) => isIn(each, rest));
}
