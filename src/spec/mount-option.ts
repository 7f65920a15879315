/**
 * `--mount type=bind,src=…,dst=…,…` and `type=tmpfs`: podman's long form (podman-run(1)) of
 * `--volume` and `--tmpfs`; and `type=image`, which has neither. A field with a comma in it stands in double quotes, as in CSV.
 */
import { posix } from 'node:path';
import { SpecError } from './errors.ts';
import { noOutside } from './outside.ts';
import type { Caller } from './run-options.ts';
import type { Mount } from './spec.ts';
import { volumeOptions } from './volume-options.ts';
import { destination, tmpfsMount } from './volumes.ts';

interface Field {
  readonly key: string;
  readonly value: string | undefined;
}

type Places = Pick<Caller, 'cwd' | 'outside'>;

/** @param caller from whose directory a relative source starts. @throws SpecError */
export function parseMount(text: string, { cwd, outside = noOutside }: Places): Mount {
  const what = `--mount ${text}`;
  const fields = splitFields(what, text).map(toField);
  const { type = 'volume', src, dst, rest } = sort(what, fields);
  if (dst === undefined) throw problem(what, 'dst= is missing: where in the box');
  if (type === 'tmpfs') {
    if (src !== undefined)
      throw problem(what, 'src= with type=tmpfs: it begins empty; leave it out');
    return tmpfsMount(
      '--mount',
      text,
      dst,
      rest.map((field) => tmpfsWord(what, field)),
    );
  }
  if (type === 'image') {
    if (src === undefined) throw problem(what, 'src= is missing: which image');
    const place = destination('--mount', text, dst);
    const words = rest.flatMap((field) => imageWord(what, field));
    const options = volumeOptions(what, ['ro', ...words]);
    return { destination: place, type: 'bind', source: outside.findImage(what, src), options };
  }
  if (type !== 'bind')
    throw problem(what, `type=${type}: ${otherTypes[type] ?? 'bind, image and tmpfs are known'}`);
  if (src === undefined) throw problem(what, 'src= is missing: what of the host');
  return {
    destination: destination('--mount', text, dst),
    type: 'bind',
    source: posix.resolve(cwd, src),
    options: volumeOptions(
      what,
      rest.flatMap((field) => bindWord(what, field)),
    ),
  };
}

/** Podman's other types, and why they are refused. */
const otherTypes: Readonly<Record<string, string>> = {
  devpts: 'the box has one of its own at /dev/pts already; leave it out',
  glob: 'tsbox looks for no files; have the shell name them, each in a --mount of its own',
  ramfs: 'it could take all memory there is; type=tmpfs has a size',
  volume: 'tsbox has no named volumes; type=bind shares a directory',
};

/** An image is shared as it is; what is written could be another box's file. */
function imageWord(what: string, { key, value }: Field): string[] {
  if (key === 'idmap') return idmapWord(value);
  if (key === 'rw' || key === 'readwrite') {
    if (!isTrue(what, key, value)) return [];
    throw problem(what, `${key}: an image is mounted read-only; copy it, and use type=bind`);
  }
  if (key === 'subpath')
    throw problem(
      what,
      'subpath: links in the image could lead out of it; mount the whole image, and name the place in it',
    );
  throw problem(what, `unknown option ${JSON.stringify(key)}: idmap, rw and subpath are known`);
}

function splitFields(what: string, text: string): string[] {
  const field = /("(?:[^"]|"")*"|[^",]*)(,|$)/y;
  const fields: string[] = [];
  for (;;) {
    const found = field.exec(text);
    if (found === null) throw problem(what, 'a double quote must enclose a whole field');
    const [, word = '', end] = found;
    fields.push(word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word);
    if (end === '') return fields;
  }
}

function toField(text: string): Field {
  const equals = text.indexOf('=');
  return equals < 0
    ? { key: text, value: undefined }
    : { key: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** Other names of the fields that every mount has. */
const names: Readonly<Record<string, 'type' | 'src' | 'dst'>> = {
  type: 'type',
  src: 'src',
  source: 'src',
  dst: 'dst',
  destination: 'dst',
  target: 'dst',
};

function sort(what: string, fields: readonly Field[]) {
  const found: { type?: string; src?: string; dst?: string } = {};
  const rest: Field[] = [];
  for (const field of fields) {
    const name = Object.hasOwn(names, field.key) ? names[field.key] : undefined;
    if (name === undefined) rest.push(field);
    else if (!field.value) throw problem(what, `${field.key}= needs a value`);
    else if (found[name] !== undefined) throw problem(what, `${name}= is given twice`);
    else found[name] = field.value;
  }
  return { ...found, rest };
}

/** Fields that are true or false, with the words of `--volume` for both. */
const switches: Readonly<Record<string, readonly [yes: string, no: string]>> = {
  ro: ['ro', 'rw'],
  readonly: ['ro', 'rw'],
  rw: ['rw', 'ro'],
  'bind-nonrecursive': ['bind', 'rbind'],
  suid: ['suid', 'nosuid'],
  dev: ['dev', 'nodev'],
  exec: ['exec', 'noexec'],
};

function bindWord(what: string, { key, value }: Field): string[] {
  if (key === 'no-dereference')
    throw problem(
      what,
      `${key}: a link of the host would lead elsewhere in the box; name what it leads to`,
    );
  if (key === 'bind-propagation') return [value ?? ''];
  if (key === 'relabel') return [value === 'private' ? 'Z' : 'z'];
  if (key === 'chown' || key === 'U') return isTrue(what, key, value) ? ['U'] : [];
  if (key === 'idmap') return idmapWord(value);
  const words = Object.hasOwn(switches, key) ? switches[key] : undefined;
  if (words !== undefined) return [words[isTrue(what, key, value) ? 0 : 1]];
  return [value === undefined ? key : `${key}=${value}`];
}

/** Beside true and false it can have a mapping, which volume-options.ts refuses. */
function idmapWord(value = 'true'): string[] {
  if (value === 'false' || value === '0') return [];
  return [value === 'true' || value === '1' ? 'idmap' : `idmap=${value}`];
}

function tmpfsWord(what: string, { key, value }: Field): string {
  if (key === 'tmpfs-size') return `size=${value ?? ''}`;
  if (key === 'tmpfs-mode') return `mode=${value ?? ''}`;
  if (key === 'chown' || key === 'U') return isTrue(what, key, value) ? 'U' : 'defaults';
  const words = Object.hasOwn(switches, key) ? switches[key] : undefined;
  if (words !== undefined && key !== 'bind-nonrecursive')
    return words[isTrue(what, key, value) ? 0 : 1];
  return value === undefined ? key : `${key}=${value}`;
}

function isTrue(what: string, key: string, value = 'true'): boolean {
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw problem(what, `${key}=${value}: true and false are allowed`);
}

function problem(what: string, text: string): SpecError {
  return new SpecError([`${what}: ${text}`]);
}
