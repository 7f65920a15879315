/** The messages of rtnetlink(7) that tsbox sends: interfaces, their addresses and routes. */
import * as abi from '../abi/netlink.ts';
import type { Address, Family } from '../spec/addresses.ts';
import { byte, type Header, half, type Message, text, type Value, word } from './netlink.ts';

/** An interface by its name, or by the number that it was given. */
export type Link = string | number;

const linkNumber = (link: Link) =>
  typeof link === 'number' ? word(link) : ({ kind: 'index of', name: link } as const);

/** `struct ifinfomsg`. @param index 0: the kernel chooses one. */
function linkHeader(
  index: Link,
  up: boolean,
  family: keyof typeof abi.addressFamilies = 'AF_UNSPEC',
): Header {
  const { IFF_UP } = abi.interfaceFlags;
  return [
    ['ifi_family', byte(abi.addressFamilies[family])],
    ['pad', byte(0)],
    ['ifi_type', half(0)],
    ['ifi_index', linkNumber(index)],
    ['ifi_flags', word(up ? IFF_UP : 0)],
    ['ifi_change', word(up ? IFF_UP : 0)],
  ];
}

const ifname = (name: string) =>
  ['IFLA_IFNAME', abi.linkAttributes.IFLA_IFNAME, text(name)] as const;
const addressOf = (value: Uint8Array) =>
  ['IFLA_ADDRESS', abi.linkAttributes.IFLA_ADDRESS, { kind: 'hardware address', value }] as const;
const mtuOf = (mtu: number) => ['IFLA_MTU', abi.linkAttributes.IFLA_MTU, word(mtu)] as const;
const kindOf = (kind: string) =>
  ['IFLA_INFO_KIND', abi.linkInfoAttributes.IFLA_INFO_KIND, text(kind)] as const;

function linkInfo(attributes: Extract<Value, { kind: 'nested' }>['attributes']) {
  const value: Value = { kind: 'nested', attributes };
  return ['IFLA_LINKINFO', abi.linkAttributes.IFLA_LINKINFO, value] as const;
}

const made = ['NLM_F_REQUEST', 'NLM_F_ACK', 'NLM_F_CREATE', 'NLM_F_EXCL'] as const;
const changed = ['NLM_F_REQUEST', 'NLM_F_ACK'] as const;

/** A bridge, up. @param hardware its own address: without one it has that of a box, and changes with them. */
export function newBridge(name: string, mtu: number, hardware: Uint8Array): Message {
  return {
    type: 'RTM_NEWLINK',
    flags: made,
    header: linkHeader(0, true),
    attributes: [ifname(name), mtuOf(mtu), addressOf(hardware), linkInfo([kindOf('bridge')])],
  };
}

/** @param hardware its own address; the interface must be down. */
export function setHardwareAddress(link: Link, hardware: Uint8Array): Message {
  return {
    type: 'RTM_NEWLINK',
    flags: changed,
    header: linkHeader(link, false),
    attributes: [addressOf(hardware)],
  };
}

/** A pair of interfaces, one on the host, the other in the box: veth(4). */
export interface Pair {
  readonly host: string;
  readonly inside: string;
  /** The number of the one in the box, and its own address. */
  readonly index: number;
  readonly hardware: Uint8Array;
  readonly mtu: number;
}

/**
 * The box's is made first, with a number of our choice: so the box's own steps know it. The host has
 * no interface of that number.
 */
export function newPair({ host, inside, index, hardware, mtu }: Pair): Message {
  const peer: Value = {
    kind: 'nested',
    header: linkHeader(0, false),
    attributes: [ifname(host), mtuOf(mtu)],
  };
  const data: Value = {
    kind: 'nested',
    attributes: [['VETH_INFO_PEER', abi.vethAttributes.VETH_INFO_PEER, peer]],
  };
  return {
    type: 'RTM_NEWLINK',
    flags: made,
    header: linkHeader(index, false),
    attributes: [
      ifname(inside),
      mtuOf(mtu),
      addressOf(hardware),
      ['IFLA_NET_NS_PID', abi.linkAttributes.IFLA_NET_NS_PID, { kind: 'pid' }],
      linkInfo([kindOf('veth'), ['IFLA_INFO_DATA', abi.linkInfoAttributes.IFLA_INFO_DATA, data]]),
    ],
  };
}

/** Puts an interface on a bridge, and up. */
export function joinBridge(name: string, bridge: string): Message {
  const master: Value = { kind: 'index of', name: bridge };
  return {
    type: 'RTM_SETLINK',
    flags: changed,
    header: linkHeader(name, true),
    attributes: [['IFLA_MASTER', abi.linkAttributes.IFLA_MASTER, master]],
  };
}

/** A bridge passes nothing on that is for it or comes from it, from now on. */
export function silencePort(name: string): Message {
  const { BR_STATE_DISABLED } = abi.portStates;
  const state: Value = {
    kind: 'nested',
    attributes: [
      ['IFLA_BRPORT_STATE', abi.portAttributes.IFLA_BRPORT_STATE, byte(BR_STATE_DISABLED)],
    ],
  };
  return {
    type: 'RTM_SETLINK',
    flags: changed,
    header: linkHeader(name, false, 'AF_BRIDGE'),
    attributes: [['IFLA_PROTINFO', abi.linkAttributes.IFLA_PROTINFO | abi.NLA_F_NESTED, state]],
  };
}

/** To the network namespace of the process. @param index of the interface there; if it is absent the kernel chooses. */
export function moveLink(name: string, to: string, index?: number): Message {
  const { IFLA_NET_NS_PID, IFLA_NEW_IFINDEX } = abi.linkAttributes;
  return {
    type: 'RTM_SETLINK',
    flags: changed,
    header: linkHeader(name, false),
    attributes: [
      ['IFLA_NET_NS_PID', IFLA_NET_NS_PID, { kind: 'pid' }],
      ifname(to),
      ...(index === undefined
        ? []
        : [['IFLA_NEW_IFINDEX', IFLA_NEW_IFINDEX, word(index)] as const]),
    ],
  };
}

/** To the network namespace that the descriptor refers to. */
export function returnLink(index: number, to: string, namespace: number): Message {
  const { IFLA_NET_NS_FD } = abi.linkAttributes;
  return {
    type: 'RTM_SETLINK',
    flags: changed,
    header: linkHeader(index, false),
    attributes: [['IFLA_NET_NS_FD', IFLA_NET_NS_FD, word(namespace)], ifname(to)],
  };
}

export function setMtu(link: Link, mtu: number): Message {
  return {
    type: 'RTM_NEWLINK',
    flags: changed,
    header: linkHeader(link, false),
    attributes: [mtuOf(mtu)],
  };
}

/** Its routes go with that, and its addresses of version 6. */
export function linkDown(link: Link): Message {
  const change = ['ifi_change', word(abi.interfaceFlags.IFF_UP)] as const;
  const header = [...linkHeader(link, false).slice(0, -1), change];
  return { type: 'RTM_NEWLINK', flags: changed, header, attributes: [] };
}

export function linkUp(link: Link): Message {
  return { type: 'RTM_NEWLINK', flags: changed, header: linkHeader(link, true), attributes: [] };
}

/** The other of a pair goes with it. */
export function deleteLink(name: string): Message {
  return {
    type: 'RTM_DELLINK',
    flags: changed,
    header: linkHeader(0, false),
    attributes: [ifname(name)],
  };
}

export function getLink(index: number): Message {
  return {
    type: 'RTM_GETLINK',
    flags: ['NLM_F_REQUEST'],
    header: linkHeader(index, false),
    attributes: [],
  };
}

const familyNumber = (family: Family) =>
  byte(family === 4 ? abi.addressFamilies.AF_INET : abi.addressFamilies.AF_INET6);

/** @param length how many bits of it all on that link have in common. */
export function newAddress(link: Link, address: Address, length: number): Message {
  const value: Value = { kind: 'address', value: address };
  return {
    type: 'RTM_NEWADDR',
    flags: made,
    // struct ifaddrmsg
    header: [
      ['ifa_family', familyNumber(address.family)],
      ['ifa_prefixlen', byte(length)],
      // Nobody else has an address that was claimed.
      ['ifa_flags', byte(address.family === 6 ? abi.addressFlags.IFA_F_NODAD : 0)],
      ['ifa_scope', byte(0)],
      ['ifa_index', linkNumber(link)],
    ],
    attributes: [
      ['IFA_LOCAL', abi.addressAttributes.IFA_LOCAL, value],
      ['IFA_ADDRESS', abi.addressAttributes.IFA_ADDRESS, value],
      ...broadcast(address, length),
    ],
  };
}

/** @param length that it was given with. */
export function deleteAddress(link: Link, address: Address, length: number): Message {
  const { header, attributes } = newAddress(link, address, length);
  return { type: 'RTM_DELADDR', flags: changed, header, attributes };
}

/** Of all interfaces. */
export function getAddresses(): Message {
  return {
    type: 'RTM_GETADDR',
    flags: ['NLM_F_REQUEST', 'NLM_F_DUMP'],
    header: [
      ['ifa_family', byte(abi.addressFamilies.AF_UNSPEC)],
      ['ifa_prefixlen', byte(0)],
      ['ifa_flags', byte(0)],
      ['ifa_scope', byte(0)],
      ['ifa_index', word(0)],
    ],
    attributes: [],
  };
}

/** An address as another interface had it, with its peer and its broadcast address. */
export interface FormerAddress {
  readonly family: number;
  readonly length: number;
  /** IFA_LOCAL, IFA_ADDRESS and IFA_BROADCAST, where it has them. */
  readonly parts: readonly (readonly [keyof typeof abi.addressAttributes, Uint8Array])[];
}

export function sameAddress(link: Link, { family, length, parts }: FormerAddress): Message {
  return {
    type: 'RTM_NEWADDR',
    flags: made,
    header: [
      ['ifa_family', byte(family)],
      ['ifa_prefixlen', byte(length)],
      // That nobody else has it was found out before.
      ['ifa_flags', byte(abi.addressFlags.IFA_F_NODAD)],
      ['ifa_scope', byte(0)],
      ['ifa_index', linkNumber(link)],
    ],
    attributes: parts.map(([name, value]) => [
      name,
      abi.addressAttributes[name],
      { kind: 'bytes', value },
    ]),
  };
}

function broadcast({ family, value }: Address, length: number) {
  if (family === 6 || length > 30) return [];
  const last: Address = { family, value: value | ((1n << BigInt(32 - length)) - 1n) };
  const attribute: Value = { kind: 'address', value: last };
  return [['IFA_BROADCAST', abi.addressAttributes.IFA_BROADCAST, attribute] as const];
}

/** To everywhere. */
export function defaultRoute(gateway: Address): Message {
  return {
    type: 'RTM_NEWROUTE',
    flags: made,
    header: routeHeader(gateway.family, abi.routeProtocols.RTPROT_BOOT, abi.routeTypes.RTN_UNICAST),
    attributes: [
      ['RTA_GATEWAY', abi.routeAttributes.RTA_GATEWAY, { kind: 'address', value: gateway }],
    ],
  };
}

export function getRoutes(family: Family): Message {
  return {
    type: 'RTM_GETROUTE',
    flags: ['NLM_F_REQUEST', 'NLM_F_DUMP'],
    header: routeHeader(family, abi.routeProtocols.RTPROT_UNSPEC, abi.routeTypes.RTN_UNSPEC),
    attributes: [],
  };
}

/** `struct rtmsg` */
function routeHeader(family: Family, protocol: number, type: number): Header {
  return [
    ['rtm_family', familyNumber(family)],
    ['rtm_dst_len', byte(0)],
    ['rtm_src_len', byte(0)],
    ['rtm_tos', byte(0)],
    ['rtm_table', byte(abi.routeTables.RT_TABLE_MAIN)],
    ['rtm_protocol', byte(protocol)],
    ['rtm_scope', byte(0)],
    ['rtm_type', byte(type)],
    ['rtm_flags', word(0)],
  ];
}
