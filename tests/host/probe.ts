/** probe.c, compiled without libraries so that it runs in any root file system. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** @param directory where it is put. @returns its path. */
export function compileProbe(directory: string): string {
  const path = join(directory, 'probe');
  const source = new URL('probe.c', import.meta.url).pathname;
  execFileSync('gcc', ['-static', '-O1', '-Wall', '-Werror', '-o', path, source]);
  return path;
}

/** What it printed, by the first word of each line. */
export function readProbe(output: string): Record<string, string> {
  const lines = output.trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]));
}
