/** The kernel's version, the caller's privileges, and Node: what everything else stands on. */
import type { Cause } from '../causes/cause.ts';
import { byCause, type Check, missing, ok } from './check.ts';

/** Without one of these no container starts; close_range(2) is the youngest, of Linux 5.9. */
export const neededCalls = [
  'clone3',
  'close_range',
  'openat2',
  'pidfd_send_signal',
  'memfd_create',
  'mount',
  'umount2',
  'pivot_root',
  'sethostname',
  'mknodat',
  'prctl',
] as const;

/**
 * @param release as of uname(2), such as `6.1.0-18-amd64`.
 * @param cause why one of {@link neededCalls} is refused.
 */
export function checkKernel(release: string, cause: Cause | undefined): Check {
  const what = `Linux ${release}`;
  if (cause === undefined) return ok('kernel', 'containers', what);
  return byCause('kernel', 'containers', what, cause);
}

/**
 * A user's boxes have their rights in a user namespace.
 * @param cause why root is without its rights.
 */
export function checkPrivileges(uid: number, cause: Cause | undefined): Check {
  const [name, use] = ['privileges', 'containers'] as const;
  if (uid !== 0) return ok(name, use, `user ${uid}`);
  return cause === undefined
    ? ok(name, use, 'root')
    : byCause(name, use, 'root without its rights', cause);
}

/** @param version such as `22.14.0`. */
export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 14)) return ok('Node', 'containers', version);
  return missing(
    'Node',
    'containers',
    version,
    'tsbox is written for Node 22.14 and later',
    '`npm run setup` brings one and bin/tsbox uses it',
  );
}
