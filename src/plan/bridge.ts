/** A network of boxes as the host has it: a bridge, its settings, and the table of its packet filter. */
import { addressIn } from '../spec/addresses.ts';
import { GATEWAY, type Network } from '../spec/network.ts';
import type { HostAction } from './action.ts';
import { extendedTable, networkTable, noTable, type Publisher, refilledTable } from './firewall.ts';
import { deleteLink, newAddress, newBridge } from './links.ts';

/** @param publishers of every port that is published there. */
export function setTable(
  network: Network,
  publishers: readonly Publisher[],
  alone: boolean,
): HostAction {
  return {
    call: 'set_table',
    change: networkTable(network, publishers, alone),
    why: 'packets out of the network get an address of the host, and those to published ports come in',
    hint: 'the kernel must have nf_tables with NAT (CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT, CONFIG_NFT_MASQ, CONFIG_NFT_FIB_INET), and tsbox CAP_NET_ADMIN',
  };
}

const PORTS = {
  call: 'set_table',
  why: 'published ports lead to the boxes that are there',
  hint: 'tsbox needs CAP_NET_ADMIN',
} as const;

/** Of a table that is there: ENOENT without one. */
export function setPorts(network: Network, publishers: readonly Publisher[]): HostAction {
  return { ...PORTS, change: refilledTable(network, publishers) };
}

/** EEXIST for a port that is led elsewhere already. */
export function addPorts(network: Network, publisher: Publisher): HostAction {
  return { ...PORTS, change: extendedTable(network, publisher) };
}

/** The bridge, and what makes it part of the host; not its table. @param hardware its address. */
export function makeBridge(network: Network, mtu: number, hardware: Uint8Array): HostAction[] {
  const { bridge, subnets } = network;
  const six = subnets.some(({ family }) => family === 6);
  const hint = 'tsbox needs CAP_NET_ADMIN, and /proc/sys must be writable: try --network=none';
  return [
    {
      call: 'netlink',
      messages: [newBridge(bridge, mtu, hardware)],
      why: `the network ${network.name}`,
      hint,
    },
    setting(
      `ipv6/conf/${bridge}/accept_ra`,
      '0',
      'no box tells the host where to send its packets',
    ),
    ...(six
      ? []
      : [
          setting(
            `ipv6/conf/${bridge}/disable_ipv6`,
            '1',
            'the network has no addresses of version 6',
          ),
        ]),
    ...(network.internal
      ? []
      : [
          setting(
            `ipv4/conf/${bridge}/route_localnet`,
            '1',
            "published ports are at the host's 127.0.0.1, too",
          ),
        ]),
    {
      call: 'netlink',
      messages: subnets.map((subnet) =>
        newAddress(bridge, addressIn(subnet, GATEWAY), subnet.length),
      ),
      why: 'through which boxes reach the host, and what is beyond it',
      hint,
    },
  ];
}

/** A file of the host's network namespace. IPv6 may be missing from a kernel. */
function setting(path: string, data: string, why: string): HostAction {
  return {
    call: 'write',
    path: `/proc/sys/net/${path}`,
    data,
    why,
    optional: path.startsWith('ipv6'),
  };
}

/** Whether the host forwards packets between its interfaces: the kernel's ip-sysctl.rst. */
export const FORWARDING = '/proc/sys/net/ipv4/ip_forward';

export function setForwarding(on: boolean): HostAction {
  return {
    call: 'write',
    path: FORWARDING,
    data: on ? '1' : '0',
    why: on
      ? "packets are passed on, between tsbox's networks and elsewhere only"
      : 'no network of tsbox needs it any more',
    hint: '/proc/sys must be writable: switch net.ipv4.ip_forward on yourself, or use --network=none',
  };
}

export function removeBridge(network: Network): HostAction[] {
  return [
    {
      call: 'set_table',
      change: noTable(network),
      why: 'no box is on the network any more',
      hint: `nft delete table inet ${network.bridge} does the same`,
    },
    {
      call: 'netlink',
      messages: [deleteLink(network.bridge)],
      why: 'nor does it need its bridge',
      hint: `ip link delete ${network.bridge} does the same`,
      accept: ['ENODEV'],
    },
  ];
}
