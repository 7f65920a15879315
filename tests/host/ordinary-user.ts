/** Runs tsbox as a user without any right, whose runtime directory and images are its own. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { dataDirectory } from '../../src/image/image.ts';
import { program, starter } from './tsbox.ts';

/** Of the host, which has no such user and no file of it. */
export const USER = 61234;
const NAME = 'tsbox-test';

/** Where it keeps what is its own. */
interface OrdinaryUser {
  /** What starts tsbox as that user. */
  readonly by: readonly string[];
  readonly runtime: string;
  readonly image: string;
}

/**
 * Until the tests of the file have ended.
 * @param ids `one`: the user has its own id alone, and no name; `subordinate`: a name, and ranges of
 * ids in /etc/subuid and /etc/subgid, which only its mount namespace sees.
 */
export function ordinaryUser(ids: 'one' | 'subordinate'): OrdinaryUser {
  const scratch = mkdtempSync('/tmp/user-test-');
  afterAll(() => rmSync(scratch, { recursive: true }));
  chmodSync(scratch, 0o755);
  const [runtime, data] = [join(scratch, 'run'), join(scratch, 'data')];
  const image = join(data, 'images/busybox');
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(join(data, 'images'), { recursive: true });
  execFileSync('cp', ['-a', join(dataDirectory(process.env, 0), 'images/busybox'), image]);
  giveToUser(scratch);
  const become = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
  const environment = ['env', `XDG_RUNTIME_DIR=${runtime}`, `TSBOX_DATA=${data}`];
  const ranges = ids === 'one' ? [] : withRanges(scratch);
  return { by: [...ranges, ...become, ...environment, program], runtime, image };
}

/** From here on {@link starter} starts tsbox as that user. */
export function becomeOrdinaryUser(ids: 'one' | 'subordinate'): void {
  const { by, runtime, image } = ordinaryUser(ids);
  Object.assign(starter, { by, ids, image, user: USER, state: join(runtime, 'tsbox/boxes') });
}

/** All of a tree. */
export function giveToUser(tree: string): void {
  lchownSync(tree, USER, USER);
  for (const name of readdirSync(tree, { recursive: true, encoding: 'utf8' }))
    lchownSync(join(tree, name), USER, USER);
}

/** newuidmap(1) reads the files of the host, so they are covered. */
function withRanges(scratch: string): string[] {
  const files = {
    subuid: `${NAME}:700000:65536\n`,
    subgid: `${NAME}:800000:65536\n`,
    passwd: `root:x:0:0::/:/bin/sh\n${NAME}:x:${USER}:${USER}::/:/bin/sh\n`,
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(scratch, name), text);
    chownSync(join(scratch, name), 0, 0);
  }
  const cover = Object.keys(files).map((name) => `mount --bind ${scratch}/${name} /etc/${name}`);
  return ['unshare', '-m', 'sh', '-c', `${cover.join(' && ')} && exec "$0" "$@"`];
}
