/** What is given up for which refusal, and for which nothing is. */
import { expect, test } from 'vitest';
import { errnoNumber } from '../../src/abi/errno.ts';
import { firstAttempt, retreat } from '../../src/container/retreat.ts';
import type { Host } from '../../src/plan/host.ts';
import { fuseOverlayfs } from '../../src/plan/served-root.ts';
import type { Refusal } from '../../src/sandbox/refusal.ts';
import type { RunOptions } from '../../src/spec/run-options.ts';
import { request, someHost } from './boxes.ts';

const usual = { noUserNamespaces: false, pseudoImage: false };
const after = (own: Partial<RunOptions>, host: Host, refused: Refusal, facts = usual) =>
  retreat(firstAttempt(request(own), host), host, refused, facts);
const EPERM = errnoNumber('EPERM');
const image = '/images/one';

test.each<[string, Refusal, string]>([
  [
    'no user namespace',
    { call: 'clone3', errno: EPERM },
    'in a user namespace clone3 fails: EPERM',
  ],
  [
    'an image that cannot be mapped',
    { call: 'idmap', errno: EPERM, path: image },
    `the file system of ${image} cannot map owners`,
  ],
  ['no new procfs', { call: 'fsmount', errno: EPERM, fileSystem: 'proc' }, 'fsmount fails: EPERM'],
  ['a higher limit', { call: 'prlimit64', errno: EPERM }, 'prlimit64 fails: EPERM'],
])('%s: the ids of the host, where nobody asked for others', (_, refused, why) => {
  const next = after({ volume: ['/host/directory:/v'] }, someHost, refused);
  expect(next?.why).toContain(`root of this box is root of the host: `);
  expect(next?.why).toContain(why);
  expect(next?.request?.ids).toMatchObject({ own: 'no', uid: [] });
  expect(next?.request?.spec.mounts.some(({ options }) => options.includes('idmap'))).toBe(false);
  expect(after({ userns: 'auto' }, someHost, refused)).toBeUndefined();
  expect(after({ userns: 'host' }, someHost, refused)).toBeUndefined();
});

test('a volume that cannot be mapped: that volume alone', () => {
  const refused = { call: 'idmap', errno: EPERM, path: '/host/file' };
  const own = { volume: ['/host/directory:/a', '/host/file:/b'] };
  const next = after(own, someHost, refused);
  expect(next?.why).toMatch(/^\/host\/file: its file system cannot map owners/);
  const mapped = next?.request?.spec.mounts.filter(({ options }) => options.includes('idmap'));
  expect(mapped?.map(({ source }) => source)).toEqual(['/host/directory']);
  expect(next?.request?.ids.own).toBe('preferred');
});

// What an image, or another box, may bring about must not make its root the host's.
test.each<Refusal>([
  { call: 'mkdirat', errno: errnoNumber('EOVERFLOW') },
  { call: 'openat2', errno: errnoNumber('ELOOP') },
  { call: 'move_mount', errno: errnoNumber('EINVAL') },
  { call: 'chdir', errno: errnoNumber('EACCES') },
  { call: 'clone3', errno: errnoNumber('ENOMEM') },
  { call: 'clone3', errno: errnoNumber('ENOSPC') },
  { call: 'fsopen', errno: errnoNumber('ENFILE') },
  { call: 'fsconfig', errno: errnoNumber('ENOMEM') },
  { call: 'idmap', errno: EPERM, path: '/proc/1/ns/user' },
  { call: 'setresuid', errno: errnoNumber('EINVAL') },
  { call: 'open_tree', errno: errnoNumber('EACCES'), path: image },
])('nothing is given up for %j', (refused) => {
  expect(after({}, someHost, refused)).toBeUndefined();
});

test('a user without root gives up overlayfs, and nothing else', () => {
  const caller = { kind: 'user', uid: 1000, gid: 1000, keepsGroups: false } as const;
  const host: Host = { ...someHost, caller };
  const overlay = { call: 'fsconfig', errno: EPERM, fileSystem: 'overlay' };
  const next = after({}, host, overlay);
  expect(next?.host).toEqual({ ...host, overlay: false });
  expect(next?.why).toBe(
    'overlayfs cannot be mounted in a user namespace here: fsconfig: EPERM (operation not permitted)',
  );
  expect(after({}, { ...host, overlay: false }, overlay)).toBeUndefined();
  expect(after({}, host, overlay, { ...usual, pseudoImage: true })).toBeUndefined();
  expect(after({}, host, { call: 'clone3', errno: EPERM })).toBeUndefined();
});

test('and then fuse-overlayfs, where that does not do', () => {
  const caller = { kind: 'user', uid: 1000, gid: 1000, keepsGroups: false } as const;
  const host: Host = { ...someHost, caller, overlay: false };
  const served = { ...host, rootServer: fuseOverlayfs('/usr/bin/fuse-overlayfs') };
  for (const refused of [
    { call: 'fuse-overlayfs', errno: 0 },
    { call: 'fsmount', errno: EPERM, fileSystem: 'fuse' },
  ]) {
    expect(after({}, served, refused)).toMatchObject({ withReason: true });
    expect(after({}, served, refused)?.host).toEqual(host);
    expect(after({}, host, refused)).toBeUndefined();
  }
  expect(after({}, served, { call: 'mkdirat', errno: EPERM })).toBeUndefined();
});

test('where there are no user namespaces at all, boxes have the ids of the host', () => {
  const refused = { call: 'clone3', errno: errnoNumber('ENOSPC') };
  const none = { ...usual, noUserNamespaces: true };
  expect(after({}, someHost, refused, none)?.request?.ids.own).toBe('no');
  expect(after({}, someHost, { ...refused, call: 'fsopen' }, none)).toBeUndefined();
});
