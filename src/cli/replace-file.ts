/**
 * Writes a file that someone may be reading, or that must not be half there: whole under another name,
 * and then by rename(2). What is no regular file, such as /dev/stdout, stays what it is.
 */
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { BoxError } from '../sandbox/errors.ts';

export interface Target {
  readonly path: string;
  readonly replaced: boolean;
}

/**
 * @param path absolute; a link to a file stands for the file.
 * @throws BoxError where nothing could be written there.
 */
export function targetOf(path: string): Target {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    const target = found === undefined ? path : realpathSync(path);
    if (found?.isDirectory()) throw new Error('it is a directory');
    const replaced = found === undefined || found.isFile();
    accessSync(replaced ? dirname(target) : target, constants.W_OK);
    return { path: target, replaced };
  } catch (error) {
    throw failure(path, error as Error);
  }
}

/** @throws BoxError when it cannot be written; an earlier one is still whole then. */
export function replaceFile({ path, replaced }: Target, text: string): void {
  const written = replaced ? `${path}.${randomBytes(6).toString('hex')}` : path;
  try {
    writeFileSync(written, text, { flag: replaced ? 'wx' : 'w' });
    if (replaced) renameSync(written, path);
  } catch (error) {
    if (replaced) rmSync(written, { force: true });
    throw failure(path, error as Error);
  }
}

function failure(path: string, cause: Error): BoxError {
  return new BoxError(`${path} cannot be written: ${cause.message}`, { cause });
}
