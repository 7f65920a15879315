/** Small programs in C that the tests start beside tsbox. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/**
 * Compiles NAME.c of this directory until the tests of the file have ended.
 * @param flags of gcc(1).
 * @returns its path.
 */
export function compile(name: string, ...flags: readonly string[]): string {
  // Not with what boxes leave: there the names of tsbox's own temporary files are looked for.
  const directory = mkdtempSync('/tmp/test-program-');
  afterAll(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  const [program, source] = [join(directory, name), new URL(`${name}.c`, import.meta.url).pathname];
  execFileSync('gcc', ['-O1', '-Wall', '-Werror', ...flags, '-o', program, source]);
  return program;
}
