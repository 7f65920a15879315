/**
 * Numbers of rtnetlink(7): linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h,
 * linux/veth.h, and of the interfaces that its messages are about (netdevice(7)).
 */

import { NFNL_SUBSYS_NFTABLES } from './nftables.ts';

/** netlink(7) */
export const netlinkFamilies = { NETLINK_ROUTE: 0, NETLINK_NETFILTER: 12 } as const;

/** `nlmsg_type`, of messages that end an answer and of requests of both families. */
export const messageTypes = {
  NLMSG_ERROR: 2,
  NLMSG_DONE: 3,
  RTM_NEWLINK: 16,
  RTM_DELLINK: 17,
  RTM_GETLINK: 18,
  RTM_SETLINK: 19,
  RTM_NEWADDR: 20,
  RTM_DELADDR: 21,
  RTM_GETADDR: 22,
  RTM_NEWROUTE: 24,
  RTM_GETROUTE: 26,
  NFNL_MSG_BATCH_BEGIN: 16,
  NFNL_MSG_BATCH_END: 17,
  NFT_MSG_NEWTABLE: (NFNL_SUBSYS_NFTABLES << 8) | 0,
  NFT_MSG_DELTABLE: (NFNL_SUBSYS_NFTABLES << 8) | 2,
  NFT_MSG_NEWCHAIN: (NFNL_SUBSYS_NFTABLES << 8) | 3,
  NFT_MSG_NEWRULE: (NFNL_SUBSYS_NFTABLES << 8) | 6,
  NFT_MSG_NEWSET: (NFNL_SUBSYS_NFTABLES << 8) | 9,
  NFT_MSG_NEWSETELEM: (NFNL_SUBSYS_NFTABLES << 8) | 12,
  NFT_MSG_DELSETELEM: (NFNL_SUBSYS_NFTABLES << 8) | 14,
} as const;

/** `nlmsg_flags` */
export const messageFlags = {
  NLM_F_REQUEST: 0x1,
  NLM_F_ACK: 0x4,
  NLM_F_DUMP: 0x300,
  NLM_F_EXCL: 0x200,
  NLM_F_CREATE: 0x400,
  NLM_F_APPEND: 0x800,
} as const;

/** IFLA_…: of an interface. */
export const linkAttributes = {
  IFLA_ADDRESS: 1,
  IFLA_IFNAME: 3,
  IFLA_MTU: 4,
  IFLA_MASTER: 10,
  IFLA_PROTINFO: 12,
  IFLA_LINKINFO: 18,
  IFLA_NET_NS_PID: 19,
  IFLA_IFALIAS: 20,
  IFLA_NET_NS_FD: 28,
  /** From Linux 5.12 on. */
  IFLA_NEW_IFINDEX: 49,
} as const;

/** With the number of an attribute of which others are inside; most families do without. */
export const NLA_F_NESTED = 0x8000;

/** Inside of IFLA_PROTINFO, of a bridge's port: linux/if_bridge.h. */
export const portAttributes = { IFLA_BRPORT_STATE: 1 } as const;
export const portStates = { BR_STATE_DISABLED: 0 } as const;

/** Inside of IFLA_LINKINFO. */
export const linkInfoAttributes = { IFLA_INFO_KIND: 1, IFLA_INFO_DATA: 2 } as const;

/** Inside of IFLA_INFO_DATA, of a veth(4). */
export const vethAttributes = { VETH_INFO_PEER: 1 } as const;

/** IFA_…: of an address. */
export const addressAttributes = { IFA_ADDRESS: 1, IFA_LOCAL: 2, IFA_BROADCAST: 4 } as const;

/** `ifa_flags`: usable at once, without asking whether another has it; there for good. */
export const addressFlags = { IFA_F_NODAD: 0x02, IFA_F_PERMANENT: 0x80 } as const;

/** RTA_…: of a route. */
export const routeAttributes = {
  RTA_DST: 1,
  RTA_OIF: 4,
  RTA_GATEWAY: 5,
  RTA_TABLE: 15,
} as const;

/** `ifi_flags` */
export const interfaceFlags = { IFF_UP: 1 } as const;

/** linux/if_tun.h: of an ioctl(2) by which an open /dev/net/tun becomes an interface, and of one that filters its frames. */
export const tunRequests = { TUNSETIFF: 0x400454ca, TUNATTACHFILTER: 0x401054d5 } as const;
export const tunFlags = { IFF_TAP: 0x2, IFF_NO_PI: 0x1000, IFF_VNET_HDR: 0x4000 } as const;

export const addressFamilies = { AF_UNSPEC: 0, AF_INET: 2, AF_BRIDGE: 7, AF_INET6: 10 } as const;
export const routeTables = { RT_TABLE_MAIN: 254 } as const;
export const routeProtocols = { RTPROT_UNSPEC: 0, RTPROT_BOOT: 3 } as const;
export const routeTypes = { RTN_UNSPEC: 0, RTN_UNICAST: 1, RTN_LOCAL: 2 } as const;
