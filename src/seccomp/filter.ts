/** The seccomp filter of a box: one that came with tsbox, or one that is made and kept. */
import { readFileSync } from 'node:fs';
import type { Arch } from '../abi/syscalls.ts';
import type { SeccompFilter } from '../plan/seccomp.ts';
import type { Seccomp } from '../spec/seccomp.ts';
import type { Spec } from '../spec/spec.ts';

/**
 * Capabilities on which tsbox's own profile depends (default-profile.ts; a table of its own, as that
 * file is not loaded for most boxes).
 */
export const weighedCapabilities = [
  'CAP_SYS_ADMIN',
  'CAP_BPF',
  'CAP_PERFMON',
  'CAP_SYSLOG',
  'CAP_DAC_READ_SEARCH',
  'CAP_SYS_CHROOT',
  'CAP_SYS_MODULE',
  'CAP_SYS_PACCT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_SYS_BOOT',
  'CAP_AUDIT_WRITE',
] as const;

/**
 * @param directory where filters are kept that had to be made.
 * @returns undefined for a box without a profile.
 * @throws Error for people.
 */
export async function findFilter(
  { linux, process }: Spec,
  arch: Arch,
  directory: string,
): Promise<SeccompFilter | undefined> {
  const profile = linux.seccomp;
  if (profile === undefined) return undefined;
  const held = weighedCapabilities.filter((name) => process.capabilities.bounding.includes(name));
  return {
    program: await programOf(profile, arch, held, directory),
    flags: profile === 'default' ? [] : (profile.flags ?? []),
    profile: profile === 'default' ? "tsbox's own profile" : 'the profile that was asked for',
  };
}

async function programOf(
  profile: Seccomp | 'default',
  arch: Arch,
  held: readonly string[],
  directory: string,
): Promise<Uint8Array> {
  const shipped = profile === 'default' ? readShipped(arch, held) : undefined;
  if (shipped !== undefined) return shipped;
  const { makeFilter } = await import('./make.ts');
  return makeFilter(profile, arch, held, directory);
}

/** Programs of this process, so that a library that starts many boxes reads each once. */
const known = new Map<string, Uint8Array>();

/** undefined for capabilities for which none is shipped. */
function readShipped(arch: Arch, held: readonly string[]): Uint8Array | undefined {
  const name = shippedName(arch, held);
  const before = known.get(name);
  if (before !== undefined) return before;
  try {
    const program = readFileSync(`${import.meta.dirname}/seccomp/${name}`);
    known.set(name, program);
    return program;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param held some of the {@link weighedCapabilities}, in their order. */
function shippedName(arch: Arch, held: readonly string[]): string {
  return [arch, ...held].join('.');
}
