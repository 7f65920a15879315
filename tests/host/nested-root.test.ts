/** Root of a user namespace in which tsbox was started: where its boxes keep their state, and that they run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { becomeOrdinaryUser, USER } from './ordinary-user.ts';
import { eachLeavesNothing, program, type Result, starter, tsbox } from './tsbox.ts';

const { env, become } = becomeOrdinaryUser('one');
eachLeavesNothing();

const runs = ['run', 'busybox', '--', 'sh', '-c', 'id -u; touch /made; stat -c %u /made'];

/** By the user, who has become root of a user namespace. @param mounts made before by root of the host. */
function nested(words: readonly string[], mounts = ':', variables: readonly string[] = []): Result {
  const by = [...become, ...variables, 'unshare', '-r', program];
  const own = ['unshare', '-m', 'sh', '-c', `${mounts} && exec "$0" "$@"`, ...by];
  return tsbox(words, '', process.env, own);
}

/** What covers the state directories of the host's root. */
const closed = 'mount -t tmpfs -o mode=755 t /run && install -d -m 700 /run/tsbox/boxes';
const anchor = /openat\(AT_FDCWD, "(\S+\/tsbox\/boxes)"/;
const stateOf = ({ stdout }: Result) => anchor.exec(stdout)?.[1];
const explain = ['explain', 'busybox', '--', 'true'];

test('a user’s runtime directory is its own there, too', () => {
  expect(nested(runs, closed)).toEqual({ status: 0, stdout: '0\n0\n', stderr: '' });
  expect(existsSync(starter.state)).toBe(true);
  expect(stateOf(nested(explain, closed))).toBe(join(env.XDG_RUNTIME_DIR, 'tsbox/boxes'));
});

test('one of another’s is not used, but that of who stands behind it in /tmp', () => {
  const result = nested(explain, closed, ['XDG_RUNTIME_DIR=/run']);
  expect(stateOf(result)).toBe(`/tmp/tsbox-${USER}/tsbox/boxes`);
});

test('what anybody else has made there is refused', () => {
  const mounts = `${closed} && mount -t tmpfs -o mode=1777 t /tmp && install -d -o ${USER + 1} -m 1777 /tmp/tsbox-${USER}`;
  const { status, stderr } = nested(['run', '--rootfs', '/usr', '--', 'true'], mounts);
  expect(stderr).toContain(
    `the state directory /tmp/tsbox-${USER}/tsbox/boxes cannot be used: /tmp/tsbox-${USER} belongs to others`,
  );
  expect(status).toBe(125);
});

test('root of a container that has a /run of its own uses that', () => {
  const own = `mount -t tmpfs -o mode=755,uid=${USER},gid=${USER} t /run`;
  expect(stateOf(nested(explain, own))).toBe('/run/tsbox/boxes');
  expect(nested(runs, own)).toEqual({ status: 0, stdout: '0\n0\n', stderr: '' });
});

test('root that has its host’s id keeps its state where the host’s does', () => {
  const { stdout } = tsbox(explain, '', process.env, ['unshare', '-U', '--map-root-user', program]);
  expect(anchor.exec(stdout)?.[1]).toBe('/run/tsbox/boxes');
});
