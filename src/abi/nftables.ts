/** Numbers of the kernel's packet filter: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h. */

/** `nfgenmsg.res_id` of a batch, and the upper byte of its messages' types. */
export const NFNL_SUBSYS_NFTABLES = 10;

/** netfilter.h: of a table for IP of both versions, and of each. */
export const protocols = { NFPROTO_INET: 1, NFPROTO_IPV4: 2, NFPROTO_IPV6: 10 } as const;

/** Where a chain is hooked in, and what it returns. */
export const hooks = { prerouting: 0, forward: 2, output: 3, postrouting: 4 } as const;
export const verdicts = { NF_DROP: 0, NF_ACCEPT: 1, NFT_JUMP: -3 } as const;

/** Sixteen of four bytes each; the first in its older name, with the three after it. */
export const registers = { NFT_REG_VERDICT: 0, NFT_REG_1: 1, NFT_REG32_00: 8 } as const;

export const listAttributes = { NFTA_LIST_ELEM: 1 } as const;
export const tableAttributes = { NFTA_TABLE_NAME: 1 } as const;
export const chainAttributes = {
  NFTA_CHAIN_TABLE: 1,
  NFTA_CHAIN_NAME: 3,
  NFTA_CHAIN_HOOK: 4,
  NFTA_CHAIN_TYPE: 7,
} as const;
export const hookAttributes = { NFTA_HOOK_HOOKNUM: 1, NFTA_HOOK_PRIORITY: 2 } as const;
export const ruleAttributes = {
  NFTA_RULE_TABLE: 1,
  NFTA_RULE_CHAIN: 2,
  NFTA_RULE_EXPRESSIONS: 4,
} as const;
export const setAttributes = {
  NFTA_SET_TABLE: 1,
  NFTA_SET_NAME: 2,
  NFTA_SET_FLAGS: 3,
  NFTA_SET_KEY_TYPE: 4,
  NFTA_SET_KEY_LEN: 5,
  NFTA_SET_DATA_TYPE: 6,
  NFTA_SET_DATA_LEN: 7,
  NFTA_SET_ID: 10,
} as const;
export const setFlags = { NFT_SET_MAP: 0x8 } as const;
export const elementAttributes = { NFTA_SET_ELEM_KEY: 1, NFTA_SET_ELEM_DATA: 2 } as const;
export const elementListAttributes = {
  NFTA_SET_ELEM_LIST_TABLE: 1,
  NFTA_SET_ELEM_LIST_SET: 2,
  NFTA_SET_ELEM_LIST_ELEMENTS: 3,
} as const;
export const dataAttributes = { NFTA_DATA_VALUE: 1, NFTA_DATA_VERDICT: 2 } as const;
export const verdictAttributes = { NFTA_VERDICT_CODE: 1, NFTA_VERDICT_CHAIN: 2 } as const;

/** What data of a set are, for nft(8) alone: its `enum datatypes`; in a tuple six bits each. */
export const dataTypes = { ipv4_addr: 7, ipv6_addr: 8, inet_proto: 12, inet_service: 13 } as const;

/** Of an expression of a rule, and of each kind of them. */
export const expressionAttributes = { NFTA_EXPR_NAME: 1, NFTA_EXPR_DATA: 2 } as const;
export const metaAttributes = { NFTA_META_DREG: 1, NFTA_META_KEY: 2 } as const;
export const metaKeys = { iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
export const comparisonAttributes = { NFTA_CMP_SREG: 1, NFTA_CMP_OP: 2, NFTA_CMP_DATA: 3 } as const;
export const comparisons = { NFT_CMP_EQ: 0, NFT_CMP_NEQ: 1 } as const;
export const payloadAttributes = {
  NFTA_PAYLOAD_DREG: 1,
  NFTA_PAYLOAD_BASE: 2,
  NFTA_PAYLOAD_OFFSET: 3,
  NFTA_PAYLOAD_LEN: 4,
} as const;
export const payloadBases = {
  NFT_PAYLOAD_NETWORK_HEADER: 1,
  NFT_PAYLOAD_TRANSPORT_HEADER: 2,
} as const;
export const bitwiseAttributes = {
  NFTA_BITWISE_SREG: 1,
  NFTA_BITWISE_DREG: 2,
  NFTA_BITWISE_LEN: 3,
  NFTA_BITWISE_MASK: 4,
  NFTA_BITWISE_XOR: 5,
} as const;
export const lookupAttributes = {
  NFTA_LOOKUP_SET: 1,
  NFTA_LOOKUP_SREG: 2,
  NFTA_LOOKUP_DREG: 3,
} as const;
export const natAttributes = {
  NFTA_NAT_TYPE: 1,
  NFTA_NAT_FAMILY: 2,
  NFTA_NAT_REG_ADDR_MIN: 3,
  NFTA_NAT_REG_PROTO_MIN: 5,
} as const;
export const natTypes = { NFT_NAT_DNAT: 1 } as const;
export const fibAttributes = { NFTA_FIB_DREG: 1, NFTA_FIB_RESULT: 2, NFTA_FIB_FLAGS: 3 } as const;
export const fibResults = { NFT_FIB_RESULT_ADDRTYPE: 3 } as const;
export const fibFlags = { NFTA_FIB_F_DADDR: 2 } as const;
export const immediateAttributes = { NFTA_IMMEDIATE_DREG: 1, NFTA_IMMEDIATE_DATA: 2 } as const;
export const trackingAttributes = { NFTA_CT_DREG: 1, NFTA_CT_KEY: 2 } as const;
export const trackingKeys = { state: 0, status: 2 } as const;

/** Bits of a connection's state: one for each IP_CT_… (nf_conntrack_common.h) but `untracked`, from 1 on. */
export const states = { established: 1 << 1, related: 1 << 2 } as const;
/** IPS_DST_NAT_… */
export const statuses = { dnat: 1 << 5 } as const;
