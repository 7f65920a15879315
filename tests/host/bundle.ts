/** OCI bundles of the busybox image, for `tsbox run --config`. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Result, tsbox } from './tsbox.ts';

/** Any part of a configuration. */
export type Json = { readonly [key: string]: unknown };

const directory = mkdtempSync(join(tmpdir(), 'bundle-of-'));
cpSync('/var/lib/tsbox/images/busybox', join(directory, 'rootfs'), {
  recursive: true,
  verbatimSymlinks: true,
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

export const rootfs = join(directory, 'rootfs');
export { directory as bundleDirectory };

const all = [
  'CAP_SYS_ADMIN',
  'CAP_NET_ADMIN',
  'CAP_KILL',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_SYS_NICE',
];

/** What `runc spec` makes, shortened. */
const base: Json = {
  ociVersion: '1.2.0',
  process: {
    cwd: '/',
    args: ['/bin/true'],
    env: ['PATH=/bin:/sbin:/usr/bin:/usr/sbin'],
    user: { uid: 0, gid: 0 },
    capabilities: { bounding: all, effective: all, permitted: all },
    noNewPrivileges: true,
  },
  root: { path: 'rootfs' },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'ro'] },
  ],
  linux: {
    namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type })),
  },
};

/** The base with the fields of `change` in their places; a list takes the place of a list. */
export function config(...changes: readonly Json[]): Json {
  return changes.reduce(merge, base);
}

function merge(one: Json, other: Json): Json {
  const pairs = Object.entries(other).map(([key, value]) => {
    const before = one[key];
    return [key, isObject(before) && isObject(value) ? merge(before, value) : value];
  });
  return { ...one, ...Object.fromEntries(pairs) };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One that executes a script of the image's shell. */
export function script(text: string): Json {
  return { process: { args: ['/bin/sh', '-c', text] } };
}

let number = 0;

/** @returns the path of a file with it, beside the root file system. */
export function write(value: unknown): string {
  const file = join(directory, `config-${number++}.json`);
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return file;
}

export function run(value: unknown, ...flags: readonly string[]): Result {
  return tsbox(['run', ...flags, '--config', write(value)]);
}
