/**
 * Programs kept by what they were made from. Any number of tsbox may make the same one at once: each
 * writes a file of its own and renames it into its place, whole (rename(2)); what is damaged is made
 * anew. A directory that others could write into is not used at all: a program from there would be theirs.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../linux/make-directory.ts';

/** @param key names the file: `[0-9a-f]+`. */
export function cached(directory: string, key: string, make: () => Uint8Array): Uint8Array {
  if (!isOurs(directory)) return make();
  const path = join(directory, key);
  const kept = read(path);
  if (kept !== undefined) return kept;
  const program = make();
  keep(path, program);
  return program;
}

function isOurs(directory: string): boolean {
  try {
    makeDirectory(directory);
    const found = lstatSync(directory);
    return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

/** Bytes of SHA-256, which stand before the program. */
const DIGEST = 32;

function digestOf(program: Uint8Array): Buffer {
  return createHash('sha256').update(program).digest();
}

/** undefined where there is none, or a damaged one. */
function read(path: string): Uint8Array | undefined {
  try {
    const bytes = readFileSync(path);
    const program = bytes.subarray(DIGEST);
    const whole = program.length > 0 && digestOf(program).equals(bytes.subarray(0, DIGEST));
    return whole ? program : undefined;
  } catch {
    return undefined;
  }
}

/** Where it cannot be kept, on a full disk say, it is made anew the next time. */
function keep(path: string, program: Uint8Array): void {
  const unique = `${path}.${process.pid}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(unique, Buffer.concat([digestOf(program), program]), { flag: 'wx', mode: 0o600 });
    renameSync(unique, path);
  } catch {
    rmSync(unique, { force: true });
  }
}
