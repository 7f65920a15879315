/** Runs tsbox as a user without any right, whose runtime directory and images are its own. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import type { CallerIds } from '../../src/index.ts';
import { syscall } from './native.ts';
import { starter } from './tsbox.ts';

/** Of the host, which has no such user and no file of it. */
export const USER = 61234;
const NAME = 'tsbox-test';
/** unshare(2), which tsbox never makes, and prctl(2). */
const calls = process.arch === 'arm64' ? { unshare: 97, prctl: 167 } : { unshare: 272, prctl: 157 };

/** Whether the user has its own id alone, and no name; or a name, and ranges of ids of its own. */
type Ids = 'one' | 'subordinate';

interface OrdinaryUser {
  /** What executes a program where the files of the host give it its ranges. */
  readonly inside: readonly string[];
  readonly become: readonly string[];
  /** What covers those files, in a mount namespace of its own. */
  readonly cover: string;
  /** Where it keeps what is its own. */
  readonly env: { readonly XDG_RUNTIME_DIR: string; readonly TSBOX_DATA: string };
  readonly image: string;
  readonly caller: Partial<CallerIds>;
}

const ranges = {
  subuid: `${NAME}:700000:65536\n`,
  subgid: `${NAME}:800000:65536\n`,
};

/** Until the tests of the file have ended. */
export function ordinaryUser(ids: Ids): OrdinaryUser {
  const scratch = mkdtempSync('/tmp/user-test-');
  afterAll(() => rmSync(scratch, { recursive: true }));
  chmodSync(scratch, 0o755);
  const [runtime, data] = [join(scratch, 'run'), join(scratch, 'data')];
  const image = join(data, 'images/busybox');
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(join(data, 'images'), { recursive: true });
  execFileSync('cp', ['-a', join(dataDirectory(process.env, 0), 'images/busybox'), image]);
  symlinkSync(join(dataDirectory(process.env, 0), 'kernels'), join(data, 'kernels'));
  giveToUser(scratch);
  const env = { XDG_RUNTIME_DIR: runtime, TSBOX_DATA: data };
  const become = [
    ...['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'],
    ...['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
  ];
  const user = { kind: 'user', uid: USER, gid: USER } as const;
  if (ids === 'one') return { inside: [], become, cover: ':', env, image, caller: user };
  const cover = coverFiles(scratch);
  const inside = ['unshare', '-m', 'sh', '-c', `${cover} && exec "$0" "$@"`];
  const mapPrograms = { uid: '/usr/bin/newuidmap', gid: '/usr/bin/newgidmap' };
  const caller = { ...user, ...ranges, name: NAME, mapPrograms };
  return { inside, become, cover, env, image, caller };
}

/** From here on {@link starter} starts tsbox as that user. */
export function becomeOrdinaryUser(ids: Ids): OrdinaryUser {
  const user = ordinaryUser(ids);
  const state = join(user.env.XDG_RUNTIME_DIR, 'tsbox/boxes');
  Object.assign(starter, { ...user, ids, user: USER, state });
  return user;
}

/** For boxes of the library: from here on this very process is that user, and remains so. */
export function turnIntoOrdinaryUser(ids: Ids): void {
  const { cover, env } = becomeOrdinaryUser(ids);
  const [CLONE_NEWNS, PR_SET_DUMPABLE] = [0x20000, 4];
  expect(syscall(calls.unshare, CLONE_NEWNS)).toBe(0);
  execFileSync('sh', ['-c', `mount --make-rprivate / && ${cover}`]);
  process.setgroups?.([]);
  process.setgid?.(USER);
  process.setuid?.(USER);
  // As in a program that the user executes: its own files in /proc are its own.
  expect(syscall(calls.prctl, PR_SET_DUMPABLE, 1)).toBe(0);
  Object.assign(process.env, env);
  Object.assign(starter, { inside: [], become: [] });
}

/** All of a tree, and nothing that a link in it leads to. */
export function giveToUser(tree: string, user = USER): void {
  execFileSync('chown', ['-RhP', `${user}:${user}`, tree]);
}

/** newuidmap(1) reads the files of the host, so they are covered. */
function coverFiles(scratch: string): string {
  const files = {
    ...ranges,
    passwd: `root:x:0:0::/:/bin/sh\n${NAME}:x:${USER}:${USER}::/:/bin/sh\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(scratch, name), text);
    chownSync(join(scratch, name), 0, 0);
  }
  const mounts = Object.keys(files).map((name) => `mount --bind ${scratch}/${name} /etc/${name}`);
  return mounts.join(' && ');
}
