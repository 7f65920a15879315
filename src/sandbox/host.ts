/** What planning has to know of this host, gathered. */
import { knownArch } from '../abi/syscalls.ts';
import { findCgroups, hasOverlay, statSources } from '../linux/host.ts';
import type { Host } from '../plan/host.ts';
import type { Box } from '../spec/box.ts';
import { BoxError } from './errors.ts';

/** @throws BoxError when a volume's source is not there, or the architecture is not known. */
export function readHost({ spec }: Pick<Box, 'spec'>, anchor: string): Host {
  const cgroup = findCgroups();
  return {
    arch: hostArch(),
    overlay: hasOverlay(),
    anchor,
    sources: findSources(spec),
    ...(cgroup === undefined ? {} : { cgroup }),
  };
}

export function findSources(spec: Box['spec']): Host['sources'] {
  try {
    return statSources(spec.mounts);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    throw new BoxError(
      `--volume: ${path ?? 'the source'}: ${code}: a volume's source must exist on the host`,
      { cause: error },
    );
  }
}

export function hostArch(): Host['arch'] {
  const arch = knownArch(process.arch);
  if (arch !== undefined) return arch;
  throw new BoxError(`tsbox has no system call table for ${process.arch}: x64 and arm64 are known`);
}

/** @throws BoxError unless this is root. */
export function requireRoot(what: string): void {
  if (process.geteuid?.() === 0) return;
  throw new BoxError(
    `${what} needs root on this version of tsbox: run it with sudo, or use \`tsbox explain\`, which needs no privileges`,
  );
}
