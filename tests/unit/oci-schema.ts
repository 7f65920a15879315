/** The fields of the runtime specification, as its published JSON schema has them. */
import { readFileSync } from 'node:fs';
import type { Json } from './whole-config.ts';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  /** Of a map from any name. */
  readonly additionalProperties?: Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
}

/** A place in a configuration, such as `hooks.prestart[].path` or `linux.timeOffsets.*.secs`. */
export interface Field {
  readonly path: string;
  readonly schema: Schema;
}

/** Debian's golang-github-opencontainers-specs-dev (scripts/setup); it is a version of before 1.2. */
const directory = '/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema';

const string: Schema = { type: 'string' };
const strings: Schema = { type: 'array', items: string };
const integer: Schema = { type: 'integer' };
const object = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties,
});
const mapOf = (additionalProperties: Schema): Schema => ({ type: 'object', additionalProperties });

/** What later versions have added, up to 1.3. */
const newer: Schema = object({
  process: object({
    ioPriority: object({ class: string, priority: integer }),
    scheduler: object({
      policy: string,
      nice: integer,
      priority: integer,
      flags: strings,
      runtime: integer,
      deadline: integer,
      period: integer,
    }),
    execCPUAffinity: object({ initial: string, final: string }),
  }),
  linux: object({
    timeOffsets: mapOf(object({ secs: integer, nanosecs: integer })),
    netDevices: mapOf(object({ name: string })),
    memoryPolicy: object({ mode: string, nodes: string, flags: strings }),
    intelRdt: object({ schemata: strings, enableMonitoring: { type: 'boolean' } }),
  }),
  freebsd: object({}),
});

const load = (file: string): Json => JSON.parse(readFileSync(`${directory}/${file}`, 'utf8'));

/** Sections of other systems end with their names. */
const foreign = ['windows', 'solaris', 'zos', 'freebsd', 'vm'];

type Properties = Readonly<Record<string, Schema>>;

/** The schema without references to others. */
function resolved({ $ref, allOf = [], anyOf = [], ...own }: Schema, file: string): Schema {
  const { items, additionalProperties, properties, patternProperties, ...rest } = own;
  const inner = (schema: Schema) => resolved(schema, file);
  const eachOf = (map: Properties) =>
    Object.fromEntries(
      Object.entries(map).map(([name, each]) => [name, foreign.includes(name) ? {} : inner(each)]),
    );
  const parts = [
    ...($ref === undefined ? [] : [referred($ref, file)]),
    ...[...allOf, ...anyOf].map(inner),
    {
      ...rest,
      ...(items === undefined ? {} : { items: inner(items) }),
      ...(additionalProperties === undefined
        ? {}
        : { additionalProperties: inner(additionalProperties) }),
      ...(properties === undefined ? {} : { properties: eachOf(properties) }),
      ...(patternProperties === undefined ? {} : { patternProperties: eachOf(patternProperties) }),
    },
  ];
  return parts.reduce(merged);
}

function merged(one: Schema, other: Schema): Schema {
  const [all = {}, more = {}] = [one.properties, other.properties];
  const names = Object.keys({ ...all, ...more });
  const properties = Object.fromEntries(
    names.map((name) => [name, merged(all[name] ?? {}, more[name] ?? {})]),
  );
  return { ...one, ...other, ...(names.length === 0 ? {} : { properties }) };
}

function referred(reference: string, file: string): Schema {
  const [of = '', pointer = ''] = reference.split('#');
  const target = of === '' ? file : of;
  const names = pointer.split('/').filter((name) => name !== '');
  const found = names.reduce<unknown>((value, name) => (value as Json)[name], load(target));
  return resolved(found as Schema, target);
}

function fieldsIn(schema: Schema, path = ''): Field[] {
  const { items, properties = {}, additionalProperties } = schema;
  const inside = (name: string) => (path === '' ? name : `${path}.${name}`);
  return [
    ...(items === undefined ? [] : fieldsIn(items, `${path}[]`)),
    ...Object.entries(properties).flatMap(([name, each]) => [
      { path: inside(name), schema: each },
      ...fieldsIn(each, inside(name)),
    ]),
    ...(additionalProperties === undefined ? [] : fieldsIn(additionalProperties, inside('*'))),
  ];
}

const main = 'config-schema.json';

export const ociSchema = merged(resolved(load(main) as Schema, main), newer);

export const ociFields: readonly Field[] = fieldsIn(ociSchema);
