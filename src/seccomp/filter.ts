/** The seccomp filter of a box: one that came with tsbox, or one that is made and kept; and whether it has a listener. */
import { readFileSync } from 'node:fs';
import type { Arch } from '../abi/syscalls.ts';
import { hasKillableWait } from '../linux/listener.ts';
import type { SeccompFilter } from '../plan/seccomp.ts';
import type { Box } from '../spec/box.ts';
import type { Seccomp } from '../spec/seccomp.ts';
import { allowing, asking, withHold } from './watched.ts';

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
 * @returns undefined where there is nothing to be asked of.
 * @throws Error for people.
 */
export async function findFilter(
  { spec: { linux, process }, watch }: Pick<Box, 'spec' | 'watch'>,
  arch: Arch,
  directory: string,
): Promise<SeccompFilter | undefined> {
  const profile = linux.seccomp;
  if (profile === undefined)
    return watch === 'all'
      ? watched({ program: allowing(), flags: [], profile: 'no profile' }, watch)
      : undefined;
  const held = weighedCapabilities.filter((name) => process.capabilities.bounding.includes(name));
  const filter: SeccompFilter = {
    program: await programOf(profile, arch, held, directory),
    flags: profile === 'default' ? [] : (profile.flags ?? []),
    profile: profile === 'default' ? "tsbox's own profile" : 'the profile that was asked for',
  };
  if (profile === 'default' || profile.listenerPath === undefined)
    return watch === undefined ? unheard(filter) : watched(filter, watch);
  if (watch !== undefined)
    throw new Error(
      'the seccomp profile has an agent of its own (listenerPath), and a process can have one listener: leave --seccomp-log and `seccomp record` out',
    );
  return listening(filter, withHold(filter.program), 'for the agent of listenerPath');
}

/** tsbox's own profile for a process without capabilities. @throws Error where it has to be compiled and cannot be. */
export async function leastFilter(arch: Arch, directory: string): Promise<SeccompFilter> {
  const program = await programOf('default', arch, [], directory);
  return { program, flags: [], profile: "tsbox's own profile" };
}

/** What the flag asks for without a listener, there is nothing of; seccomp(2) takes it with one only. */
function unheard(filter: SeccompFilter): SeccompFilter {
  const flags = filter.flags.filter((flag) => flag !== 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV');
  return { ...filter, flags };
}

function watched(filter: SeccompFilter, watch: NonNullable<Box['watch']>): SeccompFilter {
  const how = {
    denied: 'refusals through tsbox, which shows them',
    all: 'calls through tsbox, which records them',
  };
  const killable = hasKillableWait();
  const heard = listening(filter, asking(filter.program, watch, killable), how[watch]);
  const waiting = killable ? (['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'] as const) : [];
  const flags = [...new Set([...heard.flags, ...waiting])];
  return { ...heard, flags, judge: filter.program };
}

function listening(filter: SeccompFilter, program: Uint8Array, how: string): SeccompFilter {
  return {
    ...filter,
    program,
    // tsbox-init has one thread; seccomp(2) does not take both flags.
    flags: [
      ...filter.flags.filter((flag) => flag !== 'SECCOMP_FILTER_FLAG_TSYNC'),
      'SECCOMP_FILTER_FLAG_NEW_LISTENER',
    ],
    profile: `${filter.profile}, ${how}`,
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
