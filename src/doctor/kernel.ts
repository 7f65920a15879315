/** The kernel's version, the caller's privileges, and Node: what everything else stands on. */
import { type Check, missing, ok } from './check.ts';

/** close_range(2), by which a box gets no descriptor of the host's, came with 5.9. */
const OLDEST = { major: 5, minor: 9 };

/** @param release as of uname(2), such as `6.1.0-18-amd64`. */
export function checkKernel(release: string): Check {
  const [, major = '0', minor = '0'] = /^([0-9]+)\.([0-9]+)/.exec(release) ?? [];
  const enough =
    Number(major) > OLDEST.major ||
    (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor);
  if (enough) return ok('kernel', 'containers', `Linux ${release}`);
  return missing(
    'kernel',
    'containers',
    `Linux ${release}`,
    'close_range(2), by which a box gets no open file of the host, came with Linux 5.9',
    'install a newer kernel, such as that of Debian 12, or use the Vagrant machine',
  );
}

export function checkPrivileges(uid: number): Check {
  if (uid === 0) return ok('privileges', 'containers', 'root');
  return missing(
    'privileges',
    'containers',
    `user ${uid}`,
    'making cgroups and mounts of an image needs root; explain, doctor and --help do not',
    'run tsbox as root, such as with sudo',
  );
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
