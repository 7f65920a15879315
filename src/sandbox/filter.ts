/** The host as planning knows it, and with it the box's seccomp filter. */
import { dirname, join } from 'node:path';
import type { Arch } from '../abi/syscalls.ts';
import type { Host } from '../plan/host.ts';
import type { SeccompFilter } from '../plan/seccomp.ts';
import { findFilter, leastFilter } from '../seccomp/filter.ts';
import type { Box } from '../spec/box.ts';
import { BoxError } from './errors.ts';
import { stateDirectory } from './state.ts';

/** @throws BoxError where a profile cannot be compiled. */
export async function withFilter<T extends Pick<Host, 'arch'>>(
  host: T,
  request: Pick<Box, 'spec' | 'watch'>,
): Promise<T & Pick<Host, 'seccomp'>> {
  const seccomp = await forPeople(findFilter(request, host.arch, directory()));
  return seccomp === undefined ? host : { ...host, seccomp };
}

/** That of a program without capabilities. @throws BoxError where tsbox's own profile cannot be compiled. */
export function leastCalls(arch: Arch): Promise<SeccompFilter> {
  return forPeople(leastFilter(arch, directory()));
}

/** Where filters are kept that had to be made. */
function directory(): string {
  const boxes = stateDirectory(process.env, process.geteuid?.() ?? 0);
  return join(dirname(boxes), 'seccomp');
}

async function forPeople<Result>(result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    throw new BoxError((error as Error).message, { cause: error });
  }
}
