/** linux.netDevices: interfaces of the host's that a box gets. */
import type { Box } from '../spec/box.ts';
import type { HostAction } from './action.ts';

/** By the parent, while the box waits. */
export function moveDevices({ spec }: Pick<Box, 'spec'>): HostAction[] {
  return Object.entries(spec.linux.netDevices ?? {}).map(([name, { name: to = name }]) => ({
    call: 'move_device',
    name,
    to,
    why: `linux.netDevices: ${name} of the host, ${to} in the box from now on`,
    hint: 'ENODEV: the host has no such interface (`ip link`); EEXIST: the box has one of that name already; EINVAL: this one cannot be moved (`ethtool -k`, netns-local); EPERM: tsbox needs CAP_NET_ADMIN on the host',
  }));
}
