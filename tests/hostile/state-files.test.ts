/**
 * Files that the runtime itself writes (crun 2025-24965, Firecracker's jailer 2026-1386): links and
 * hard links are planted where tsbox keeps its state. Each run has a /run of its own, in a mount
 * namespace of its own.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { program, type Result, tsbox } from '../host/tsbox.ts';
import { scratchDirectory } from './box.ts';
import { makeCanaries, picture } from './canary.ts';

const top = scratchDirectory();
let canaries: string;
let number = 0;
beforeEach(() => {
  canaries = join(top, String(number++));
  mkdirSync(canaries);
  makeCanaries(join(canaries, 'tree'));
});

/** @param plant a script in which $C is a directory with the canaries in `tree`. */
function runAfter(plant: string): Result {
  const words = `set -e; mount -t tmpfs -o mode=755 none /run; ${plant}; exec "$0" run busybox -- echo ran`;
  const env = { ...process.env, C: join(canaries, 'tree') };
  return tsbox(['-m', 'sh', '-c', words, program], '', env, ['unshare']);
}

const state = 'mkdir -p -m 700 /run/tsbox/boxes';

test.each([
  ['a lock that is a link', `${state}; ln -s $C/file /run/tsbox/boxes/abc.lock`],
  ['a lock that is a link to nothing', `${state}; ln -s $C/made /run/tsbox/boxes/abc.lock`],
  ['a lock that is a directory', `${state}; mkdir /run/tsbox/boxes/abc.lock`],
  [
    "a box's directory that is a link",
    `${state}; touch /run/tsbox/boxes/abc.lock; ln -s $C /run/tsbox/boxes/abc`,
  ],
  [
    "a link in a box's directory",
    `${state}; touch /run/tsbox/boxes/abc.lock; mkdir /run/tsbox/boxes/abc; ln -s $C /run/tsbox/boxes/abc/link`,
  ],
  [
    "a link of many .. in a box's name",
    `${state}; touch /run/tsbox/boxes/..lock /run/tsbox/boxes/...lock`,
  ],
])('%s leads to nothing that is changed', (_, plant) => {
  const before = picture(join(canaries, 'tree'));
  const { stdout, stderr } = runAfter(plant);
  expect(picture(join(canaries, 'tree'))).toEqual(before);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stdout === 'ran\n' || /^tsbox: /.test(stderr)).toBe(true);
});

test.each([
  ['a FIFO', 'mkfifo /run/tsbox/boxes/abc.lock'],
  ['a device', 'mknod /run/tsbox/boxes/abc.lock c 1 3'],
])('%s in the place of a lock does not hold up a run', (_, plant) => {
  const { status, stderr } = runAfter(`${state}; ${plant}`);
  expect(status).not.toBe(null);
  expect(stderr).not.toMatch(/^ +at /m);
});

test.each([
  ['a link', 'mkdir -m 700 /run/end; ln -s end /run/tsbox'],
  ['a link up and down', 'mkdir -m 700 -p /run/a/b /run/end; ln -s a/b/../../end /run/tsbox'],
  ['a link to a link', 'mkdir -m 700 /run/end; ln -s /run/end /run/one; ln -s one /run/tsbox'],
])("a state directory behind %s of root's is used", (_, plant) => {
  const { stdout, stderr } = runAfter(plant);
  expect({ stdout, stderr }).toEqual({ stdout: 'ran\n', stderr: '' });
});

test.each([
  ['made by another user', 'mkdir -p /run/tsbox/boxes; chown 1000 /run/tsbox'],
  ['open to others', 'mkdir -p /run/tsbox/boxes; chmod 777 /run/tsbox/boxes'],
  ["another user's link", 'ln -s $C/directory /run/tsbox; chown -h 1000 /run/tsbox'],
  [
    "behind another user's directory",
    'mkdir -m 700 -p /run/end /run/other; ln -s /run/end /run/other/link; chown 1000 /run/other; ln -s other/link /run/tsbox',
  ],
  ['behind a link to nothing', 'ln -s nothing /run/tsbox'],
  ['behind a link to itself', 'ln -s tsbox /run/tsbox'],
])('a state directory %s is refused', (_, plant) => {
  const before = picture(join(canaries, 'tree'));
  const { status, stderr } = runAfter(plant);
  expect(stderr).toMatch(/^tsbox: the state directory \/run\/tsbox\/boxes cannot be used: /);
  expect(status).toBe(125);
  expect(picture(join(canaries, 'tree'))).toEqual(before);
});
