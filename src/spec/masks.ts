/** `--security-opt mask=…` and `unmask=…`: which paths of the kernel's are covered or read-only. */
import { posix } from 'node:path';
import { defaultMaskedPaths, defaultReadonlyPaths } from './defaults.ts';
import { SpecError } from './errors.ts';
import type { Linux } from './spec.ts';

/** Paths of one word, with colons between them. @throws SpecError */
export function parsePaths(value: string, word: string): string[] {
  const paths = value.split(':');
  const wrong = paths.filter((path) => !path.startsWith('/') || posix.normalize(path) === '/');
  if (wrong.length === 0) return paths.map((path) => posix.normalize(path).replace(/\/$/, ''));
  throw new SpecError([
    `--security-opt ${word}: ${wrong.map((path) => JSON.stringify(path)).join(', ')}: absolute paths below / are allowed, as seen in the box, with colons between them`,
  ]);
}

/**
 * @param masked paths to cover beside the default ones.
 * @param unmasked default paths to leave as they are: `ALL`, or paths in which `*` and `?` stand for
 * other characters than a slash.
 */
export function maskedPaths(
  masked: readonly string[] = [],
  unmasked: readonly string[] = [],
): Pick<Linux, 'maskedPaths' | 'readonlyPaths'> {
  const patterns = unmasked.map(toPattern);
  const stays = (path: string) => !patterns.some((pattern) => pattern.test(path));
  return {
    maskedPaths: [...new Set([...defaultMaskedPaths.filter(stays), ...masked])],
    readonlyPaths: defaultReadonlyPaths.filter(stays),
  };
}

export const ALL = 'ALL';

function toPattern(path: string): RegExp {
  if (path === ALL) return /^/;
  const literal = path.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
}
