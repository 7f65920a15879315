/**
 * What a box must never change: a tree of canaries on the host, and the runtime's own files. Two
 * pictures of one tree differ if anything in it was written, made, renamed, linked, re-owned or given
 * another attribute: whatever changes an inode also sets its ctime, which nothing can set back (so
 * that of large files the content need not be read).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Makes the tree at `top`, which must not exist yet. */
export function makeCanaries(top: string): void {
  mkdirSync(join(top, 'directory/below'), { recursive: true });
  mkdirSync(join(top, 'empty'));
  mkdirSync(join(top, 'sticky'));
  writeFileSync(join(top, 'file'), 'canary\n');
  writeFileSync(join(top, 'directory/secret'), 'canary\n', { mode: 0o600 });
  writeFileSync(join(top, 'directory/below/owned'), 'canary\n');
  writeFileSync(join(top, 'set-user-id'), 'canary\n');
  chownSync(join(top, 'directory/below/owned'), 1234, 4321);
  chmodSync(join(top, 'set-user-id'), 0o4755);
  chmodSync(join(top, 'sticky'), 0o1777);
  symlinkSync('file', join(top, 'link'));
  symlinkSync('nowhere', join(top, 'dangling'));
  execFileSync('mkfifo', [join(top, 'fifo')]);
  utimesSync(join(top, 'file'), 1, 1);
}

/** One line for each file of the tree, without following links; `top` may be a file. */
export function picture(top: string): string[] {
  const below = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      return [line(path, path.slice(top.length)), ...(entry.isDirectory() ? below(path) : [])];
    });
  return [line(top, '.'), ...(lstatSync(top).isDirectory() ? below(top).sort() : [])];
}

function line(path: string, name: string): string {
  const facts = lstatSync(path, { bigint: true });
  const { mode, uid, gid, rdev, nlink, size, mtimeNs, ctimeNs } = facts;
  const content = facts.isSymbolicLink()
    ? readlinkSync(path)
    : facts.isFile() && facts.size < 2 ** 16
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : '';
  return [name, mode.toString(8), uid, gid, rdev, nlink, size, mtimeNs, ctimeNs, content].join(' ');
}

const top = new URL('../..', import.meta.url).pathname;

/** All that runs on the host when tsbox does. What V8 compiled of it, tsbox itself may write. */
export function runtimePicture(): string[] {
  const files = ['bin/tsbox', 'dist/native', 'dist/tsbox.cjs', 'dist/run-container.cjs'];
  return [
    ...[...files, 'dist/all.cjs', 'dist/index.js'].flatMap((file) => picture(join(top, file))),
    ...picture(realpathSync(process.execPath)),
  ];
}
