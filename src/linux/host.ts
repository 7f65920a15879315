/** What the kernel offers, read from /proc: the facts that planning starts from. */
import { closeSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { capabilityNames } from '../abi/capabilities.ts';
import { errnoNumber } from '../abi/errno.ts';
import { fsOpenFlags } from '../abi/flags.ts';
import type { Host, SecurityModules, SourceMount } from '../plan/host.ts';
import type { Mount } from '../spec/spec.ts';
import { mountAround } from './mountinfo.ts';
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

/**
 * Whether mounts can be made by descriptors alone. mount_setattr(2) is the last of the calls for it
 * (Linux 5.12), and the last that the usual seccomp profiles learnt: a structure that is too small is
 * the first thing that it looks at, before any privilege.
 */
export function findMountApi(): Host['mountApi'] {
  try {
    syscall('mount_setattr', -1, '', 0, null, 0);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === errnoNumber('EINVAL'))
      return 'descriptors';
  }
  return 'paths';
}

/** The mounts of the host that these paths lie on. */
export function findSourceMounts(paths: readonly string[]): Map<string, SourceMount> {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
  return new Map(
    paths.flatMap((path) => {
      const found = mountAround(mountinfo, realpathSync.native(path));
      return found === undefined ? [] : [[path, found]];
    }),
  );
}

/** Where a file system of that type is mounted, proc_pid_mountinfo(5). */
export function mountOf(type: string): string | undefined {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
  return new RegExp(`^(?:\\S+ ){4}(\\S+) .* - ${type} `, 'm').exec(mountinfo)?.[1];
}

/** Which security modules label processes: apparmor(7), selinux(8). */
export function securityModules(): SecurityModules {
  const parameter = '/sys/module/apparmor/parameters/enabled';
  return {
    apparmor: existsSync(parameter) && readFileSync(parameter, 'utf8').startsWith('Y'),
    selinux: existsSync('/sys/fs/selinux/enforce'),
  };
}

/** Which version of landlock(7) the kernel has; undefined where it has none, or none enabled. */
export function landlockVersion(): number | undefined {
  try {
    return syscall('landlock_create_ruleset', 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

const LANDLOCK_CREATE_RULESET_VERSION = 1;

/** capabilities(7), "/proc/sys/kernel/cap_last_cap" */
export function lastCapability(): number {
  return Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
}

/** Names of the capabilities that a process of this one's can have, capabilities(7). */
export function boundingSet(): string[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const mask = BigInt(`0x${/^CapBnd:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return capabilityNames.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

/** What stands at the source of every bind mount. @throws Error with code ENOENT … where nothing does. */
export function statSources(mounts: readonly Mount[]): Map<string, 'file' | 'directory'> {
  const binds = mounts.filter((mount) => mount.type === 'bind');
  return new Map(
    binds.map(({ source }) => [source, statSync(source).isDirectory() ? 'directory' : 'file']),
  );
}
