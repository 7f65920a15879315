/**
 * Filters that do not come with tsbox, made when they are first asked for. A part of the program of
 * its own (scripts/build.mjs): what most runs do without is not even read by them.
 */
import { createHash } from 'node:crypto';
import type { Arch } from '../abi/syscalls.ts';
import { libseccomp } from '../linux/libseccomp.ts';
import type { Seccomp } from '../spec/seccomp.ts';
import { cached } from './cache.ts';
import { type Compilation, compile } from './compile.ts';
import { ownProfile } from './own-profile.ts';

/**
 * @param profile `default` for tsbox's own.
 * @param capabilities of the bounding set, on which that one depends.
 * @param directory where programs are kept for the next time; nowhere without.
 * @returns an array of `struct sock_filter`.
 * @throws Error for people: where libseccomp is missing, or refuses the profile.
 */
export function makeFilter(
  profile: Seccomp | 'default',
  arch: Arch,
  capabilities: readonly string[],
  directory?: string,
): Uint8Array {
  const own = profile === 'default';
  const compilation: Compilation = {
    profile: own ? ownProfile(arch, capabilities) : profile,
    arch,
    unknownIsMissing: own,
  };
  if (directory === undefined) return compile(compilation);
  return cached(directory, keyOf(compilation), () => compile(compilation));
}

/** To be raised when the same profile compiles to something else. */
const GENERATION = 2;

function keyOf(compilation: Compilation): string {
  const words = [GENERATION, libseccomp().version(), compilation];
  const text = JSON.stringify(words, (_, value) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return createHash('sha256').update(text).digest('hex');
}
