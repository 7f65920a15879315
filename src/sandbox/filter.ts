/** The host as planning knows it, and with it the box's seccomp filter. */
import { dirname, join } from 'node:path';
import type { Host } from '../plan/host.ts';
import { findFilter } from '../seccomp/filter.ts';
import type { Box } from '../spec/box.ts';
import { BoxError } from './errors.ts';
import { stateDirectory } from './state.ts';

/** @throws BoxError where a profile cannot be compiled. */
export async function withFilter<T extends Pick<Host, 'arch'>>(
  host: T,
  request: Pick<Box, 'spec' | 'watch'>,
): Promise<T & Pick<Host, 'seccomp'>> {
  const boxes = stateDirectory(process.env, process.geteuid?.() ?? 0);
  try {
    const seccomp = await findFilter(request, host.arch, join(dirname(boxes), 'seccomp'));
    return seccomp === undefined ? host : { ...host, seccomp };
  } catch (error) {
    throw new BoxError((error as Error).message, { cause: error });
  }
}
