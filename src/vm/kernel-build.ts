/** Has a kernel made by the recipes that come with tsbox. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../linux/make-directory.ts';
import { BoxError } from '../sandbox/errors.ts';
import { kernelsIn } from './kernel.ts';

/** The name of what {@link buildKernel} makes, of the distribution's newest source or of one. */
export function builtName(version: string | undefined): string {
  return version === undefined ? 'tsbox' : `tsbox-${version}`;
}

/**
 * From the distribution's source package, for micro-VMs alone. What the recipe says goes to standard error.
 * @param version of the source package, such as 6.1; undefined: the newest that is installed.
 * @returns whether it was built now: it may be there.
 * @throws BoxError where it was not built.
 */
export async function buildKernel(
  recipe: string,
  data: string,
  version: string | undefined,
): Promise<boolean> {
  const target = join(kernelsIn(data), builtName(version));
  if (existsSync(target)) return false;
  makeDirectory(kernelsIn(data));
  await runRecipe([recipe, target, ...(version === undefined ? [] : [version])]);
  return true;
}

/** Unpacks a package of the distribution's. @throws BoxError */
export async function unpackKernel(recipe: string, data: string, file: string): Promise<void> {
  await runRecipe([recipe, kernelsIn(data), file]);
}

async function runRecipe(words: readonly string[]): Promise<void> {
  const { execa } = await import('execa');
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  const result = await execa('/bin/sh', [...words], { stdio: [...stdio], reject: false });
  if (result.failed) throw new BoxError('the kernel was not made: why is said above');
}
