/** What the kernel offers, read from /proc: the facts that planning starts from. */
import { closeSync, readFileSync, statSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { fsOpenFlags } from '../abi/flags.ts';
import type { CgroupHost } from '../plan/host.ts';
import type { Mount } from '../spec/spec.ts';
import { SyscallError, syscall } from './native.ts';

/** Whether overlayfs can be mounted; a kernel that has it as a module loads it when it is asked for. */
export function hasOverlay(): boolean {
  if (/\toverlay$/m.test(readFileSync('/proc/filesystems', 'utf8'))) return true;
  try {
    closeSync(syscall('fsopen', 'overlay', fsOpenFlags.FSOPEN_CLOEXEC));
    return true;
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return error.errno === errnoNumber('EPERM') && hasOverlayModule();
  }
}

/** For those whom the kernel does not let ask: modules.dep(5). */
function hasOverlayModule(): boolean {
  try {
    const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
    return /\/overlay\.ko/.test(readFileSync(`/lib/modules/${release}/modules.dep`, 'utf8'));
  } catch {
    return false;
  }
}

/** Where cgroup v2 is mounted and what its root offers; undefined where it is not. */
export function findCgroups(): CgroupHost | undefined {
  const mount = cgroup2Mount(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount === undefined) return undefined;
  const controllers = readFileSync(`${mount}/cgroup.controllers`, 'utf8').trim().split(/\s+/);
  return { mount, controllers: controllers.filter((name) => name !== '') };
}

/** proc_pid_mountinfo(5): the fifth field is the mount point, the first after ` - ` the type. */
export function cgroup2Mount(mountinfo: string): string | undefined {
  return /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(mountinfo)?.[1];
}

/** What stands at the source of every bind mount. @throws Error with code ENOENT … where nothing does. */
export function statSources(mounts: readonly Mount[]): Map<string, 'file' | 'directory'> {
  const binds = mounts.filter((mount) => mount.type === 'bind');
  return new Map(
    binds.map(({ source }) => [source, statSync(source).isDirectory() ? 'directory' : 'file']),
  );
}
