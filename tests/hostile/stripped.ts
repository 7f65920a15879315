/** tsbox without a defence that is not in the plan: its sources, changed in a copy, and built. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { tsbox } from '../host/library.ts';
import { scratchDirectory } from './box.ts';

export interface Edit {
  /** From the top of the checkout. */
  readonly file: string;
  /** What stands there once, and what stands there instead. */
  readonly from: string;
  readonly to: string;
}

/** The library, built from sources that are changed. */
export async function stripped(edits: readonly Edit[]): Promise<typeof tsbox> {
  const here = new URL('../..', import.meta.url).pathname;
  const copy = scratchDirectory();
  for (const part of ['src', 'native', 'package.json'])
    cpSync(join(here, part), join(copy, part), { recursive: true });
  symlinkSync(join(here, 'node_modules'), join(copy, 'node_modules'));
  for (const { file, from, to } of edits) {
    const text = readFileSync(join(copy, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`);
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
  }
  mkdirSync(join(copy, 'dist/native'), { recursive: true });
  execFileSync('make', ['--silent', '-C', join(copy, 'native'), 'OUT=../dist/native']);
  await build({
    entryPoints: [join(copy, 'src/index.ts')],
    outdir: join(copy, 'dist'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['execa'],
  });
  return (await import(join(copy, 'dist/index.js'))) as typeof tsbox;
}
