/** A filter of devices that the kernel does not let tsbox load or attach: bpf(2), capabilities(7). */
import { errnoName } from '../abi/errno.ts';
import type { Cause, Probe } from './cause.ts';
import { holds, ownStatus, readText } from './status.ts';

const without = 'give devices with all access, and --tmpfs without dev';

export const deviceFilter: Probe = {
  looksAt: 'tsbox has the capabilities for it, in the host’s user namespace (CapEff, uid_map)',
  prove: ({ errno }) =>
    judgeDeviceFilter(
      errnoName(errno),
      ownStatus().effective,
      readText('/proc/self/uid_map') ?? '',
    ),
};

/** @param uidMap of the caller's user namespace: in the host's it has every id. */
export function judgeDeviceFilter(
  error: string,
  effective: bigint,
  uidMap: string,
): Cause | undefined {
  // A filter of the usual form is well formed: the kernel has no use for any.
  if (error !== 'EPERM')
    return {
      sentence: `this kernel has no device filters (CONFIG_CGROUP_BPF): bpf(2) gets ${error}`,
      mend: `boot the kernel of a distribution, which has them, or ${without}`,
    };
  const lacking = lackingCapabilities(effective);
  if (lacking.length > 0)
    return {
      sentence: `loading it needs ${lacking.join(' and ')}, or CAP_SYS_ADMIN, which this process lacks`,
      mend: `run tsbox as root on the host, or ${without}`,
    };
  if (/^\s*0\s+0\s+4294967295\s*$/.test(uidMap)) return undefined;
  return {
    sentence:
      'loading it needs capabilities of the host, and tsbox runs in a user namespace (/proc/self/uid_map)',
    mend: `run tsbox on the host itself, or ${without}`,
  };
}

/** Programs of this type need both, unless there is CAP_SYS_ADMIN. */
function lackingCapabilities(effective: bigint): string[] {
  if (holds(effective, 'CAP_SYS_ADMIN')) return [];
  return ['CAP_BPF', 'CAP_NET_ADMIN'].filter((name) => !holds(effective, name));
}
