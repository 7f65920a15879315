/**
 * What the kernel is sent of a table: messages of nf_tables, which nft(8) sends, too. Rules are small
 * programs: an expression loads what a packet has into a register, the next one compares it.
 */
import * as net from '../abi/netlink.ts';
import * as abi from '../abi/nftables.ts';
import { addressBytes, type Family, type Subnet } from '../spec/addresses.ts';
import {
  type Attributes,
  byte,
  type Header,
  type Message,
  networkHalf,
  networkWord,
  text,
  type Value,
} from './netlink.ts';
import type {
  Chain,
  Element,
  Filling,
  Match,
  PortMap,
  Rule,
  TableChange,
  Verdict,
} from './nftables.ts';

/** In their order; the kernel carries out all of them or none. */
export function changeMessages(change: TableChange): Message[] {
  return [
    edge('NFNL_MSG_BATCH_BEGIN'),
    ...withAnswer(messagesOf(change)),
    edge('NFNL_MSG_BATCH_END'),
  ];
}

function messagesOf(change: TableChange): Message[] {
  const { name } = change;
  const named = attributes(abi.tableAttributes, { NFTA_TABLE_NAME: text(name) });
  const made = message('NFT_MSG_NEWTABLE', named);
  const removed = [made, message('NFT_MSG_DELTABLE', named)];
  if (change.to === 'removed') return removed;
  const { maps } = change.content;
  const filled = maps.flatMap((map) => newElements(name, map, change.content));
  if (change.to === 'filled') return filled;
  if (change.to === 'refilled') return [...maps.map((map) => emptied(name, map)), ...filled];
  return [
    ...removed,
    made,
    ...maps.map((map, index) => newMap(name, map, index + 1)),
    ...filled,
    ...change.content.chains.flatMap((chain) => [
      newChain(name, chain),
      ...chain.rules.map((rule) => newRule(name, chain, rule)),
    ]),
  ];
}

/** To the last one. */
function withAnswer(messages: readonly Message[]): Message[] {
  return messages.map((each, index) =>
    index === messages.length - 1 ? { ...each, flags: [...each.flags, 'NLM_F_ACK'] } : each,
  );
}

type Named<Numbers> = { readonly [Name in keyof Numbers]?: Value };

/** By their names, in the order in which they are given. */
function attributes<Numbers extends Readonly<Record<string, number>>>(
  numbers: Numbers,
  values: Named<Numbers>,
): Attributes {
  return Object.entries(values as Record<string, Value>).map(
    ([name, value]) => [name, numbers[name] ?? 0, value] as const,
  );
}

function nested<Numbers extends Readonly<Record<string, number>>>(
  numbers: Numbers,
  values: Named<Numbers>,
): Value {
  return { kind: 'nested', attributes: attributes(numbers, values) };
}

/** `struct nfgenmsg` */
function header(family: number, resource: number): Header {
  return [
    ['nfgen_family', byte(family)],
    ['version', byte(0)],
    ['res_id', networkHalf(resource)],
  ];
}

function edge(type: 'NFNL_MSG_BATCH_BEGIN' | 'NFNL_MSG_BATCH_END'): Message {
  const { AF_UNSPEC } = net.addressFamilies;
  return {
    type,
    flags: ['NLM_F_REQUEST'],
    header: header(AF_UNSPEC, abi.NFNL_SUBSYS_NFTABLES),
    attributes: [],
  };
}

function message(type: Message['type'], of: Attributes): Message {
  const flags = ['NLM_F_REQUEST', 'NLM_F_CREATE', 'NLM_F_APPEND'] as const;
  return { type, flags, header: header(abi.protocols.NFPROTO_INET, 0), attributes: of };
}

const ADDRESS = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;
const addressSize = (family: Family) => (family === 4 ? 4 : 16);
/** Each of a tuple's data fills whole registers. */
const SLOT = 4;

/** Data of nft(8)'s types in a tuple. */
function tuple(types: readonly (keyof typeof abi.dataTypes)[]): Value {
  return networkWord(types.reduce((sum, type) => (sum << 6) | abi.dataTypes[type], 0));
}

/** @param id by which it is known in the transaction. */
function newMap(table: string, { name, family, keyedByAddress }: PortMap, id: number): Message {
  const key = [...(keyedByAddress ? [ADDRESS[family]] : []), 'inet_proto', 'inet_service'] as const;
  const address = addressSize(family);
  return message(
    'NFT_MSG_NEWSET',
    attributes(abi.setAttributes, {
      NFTA_SET_TABLE: text(table),
      NFTA_SET_NAME: text(name),
      NFTA_SET_FLAGS: networkWord(abi.setFlags.NFT_SET_MAP),
      NFTA_SET_KEY_TYPE: tuple(key),
      NFTA_SET_KEY_LEN: networkWord((keyedByAddress ? address : 0) + 2 * SLOT),
      NFTA_SET_DATA_TYPE: tuple([ADDRESS[family], 'inet_service']),
      NFTA_SET_DATA_LEN: networkWord(address + SLOT),
      NFTA_SET_ID: networkWord(id),
    }),
  );
}

/** As many as surely go into one attribute, whose length has 16 bits. */
const PART = 500;

function newElements(table: string, map: PortMap, { elements }: Filling): Message[] {
  const own = elements.filter((element) => element.map === map);
  return Array.from({ length: Math.ceil(own.length / PART) }, (_, part) =>
    message(
      'NFT_MSG_NEWSETELEM',
      attributes(abi.elementListAttributes, {
        NFTA_SET_ELEM_LIST_TABLE: text(table),
        NFTA_SET_ELEM_LIST_SET: text(map.name),
        NFTA_SET_ELEM_LIST_ELEMENTS: list(
          own.slice(part * PART, (part + 1) * PART).map(encodeElement),
        ),
      }),
    ),
  );
}

function emptied(table: string, { name }: PortMap): Message {
  return message(
    'NFT_MSG_DELSETELEM',
    attributes(abi.elementListAttributes, {
      NFTA_SET_ELEM_LIST_TABLE: text(table),
      NFTA_SET_ELEM_LIST_SET: text(name),
    }),
  );
}

function list(values: readonly Value[]): Value {
  const { NFTA_LIST_ELEM } = abi.listAttributes;
  return {
    kind: 'nested',
    attributes: values.map((value) => ['NFTA_LIST_ELEM', NFTA_LIST_ELEM, value] as const),
  };
}

function encodeElement({ protocol, address, host, to, box }: Element): Value {
  const key = [
    ...(address === undefined ? [] : [addressBytes(address)]),
    slot(transports[protocol]),
    port(host),
  ];
  return nested(abi.elementAttributes, {
    NFTA_SET_ELEM_KEY: data(Buffer.concat(key)),
    NFTA_SET_ELEM_DATA: data(Buffer.concat([addressBytes(to), port(box)])),
  });
}

/** protocols(5) */
const transports = { tcp: 6, udp: 17 } as const;

function slot(...bytes: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from(bytes)], SLOT);
}

const port = (number: number) => slot(number >> 8, number & 0xff);

function data(bytes: Uint8Array): Value {
  return nested(abi.dataAttributes, { NFTA_DATA_VALUE: { kind: 'bytes', value: bytes } });
}

function newChain(table: string, { name, base }: Chain): Message {
  return message(
    'NFT_MSG_NEWCHAIN',
    attributes(abi.chainAttributes, {
      NFTA_CHAIN_TABLE: text(table),
      NFTA_CHAIN_NAME: text(name),
      ...(base && {
        NFTA_CHAIN_HOOK: nested(abi.hookAttributes, {
          NFTA_HOOK_HOOKNUM: networkWord(abi.hooks[base.hook]),
          NFTA_HOOK_PRIORITY: networkWord(base.priority),
        }),
        NFTA_CHAIN_TYPE: text(base.type),
      }),
    }),
  );
}

function newRule(table: string, chain: Chain, { matches, verdict }: Rule): Message {
  return message(
    'NFT_MSG_NEWRULE',
    attributes(abi.ruleAttributes, {
      NFTA_RULE_TABLE: text(table),
      NFTA_RULE_CHAIN: text(chain.name),
      NFTA_RULE_EXPRESSIONS: list([...matches.flatMap(encodeMatch), ...encodeVerdict(verdict)]),
    }),
  );
}

function expression<Numbers extends Readonly<Record<string, number>>>(
  name: string,
  numbers: Numbers,
  values: Named<Numbers>,
): Value {
  return nested(abi.expressionAttributes, {
    NFTA_EXPR_NAME: text(name),
    NFTA_EXPR_DATA: nested(numbers, values),
  });
}

const { NFT_REG_VERDICT, NFT_REG_1, NFT_REG32_00 } = abi.registers;
const REGISTER = networkWord(NFT_REG_1);
/** The one that lies this many bytes behind the first. */
const registerAt = (offset: number) => networkWord(NFT_REG32_00 + offset / SLOT);

function meta(key: keyof typeof abi.metaKeys, register: Value = REGISTER): Value {
  return expression('meta', abi.metaAttributes, {
    NFTA_META_DREG: register,
    NFTA_META_KEY: networkWord(abi.metaKeys[key]),
  });
}

function compare(bytes: Uint8Array, not: boolean): Value {
  const { NFT_CMP_EQ, NFT_CMP_NEQ } = abi.comparisons;
  return expression('cmp', abi.comparisonAttributes, {
    NFTA_CMP_SREG: REGISTER,
    NFTA_CMP_OP: networkWord(not ? NFT_CMP_NEQ : NFT_CMP_EQ),
    NFTA_CMP_DATA: data(bytes),
  });
}

function mask(bytes: Uint8Array): Value {
  return expression('bitwise', abi.bitwiseAttributes, {
    NFTA_BITWISE_SREG: REGISTER,
    NFTA_BITWISE_DREG: REGISTER,
    NFTA_BITWISE_LEN: networkWord(bytes.length),
    NFTA_BITWISE_MASK: data(bytes),
    NFTA_BITWISE_XOR: data(Buffer.alloc(bytes.length)),
  });
}

function payload(
  base: keyof typeof abi.payloadBases,
  offset: number,
  length: number,
  register: Value = REGISTER,
): Value {
  return expression('payload', abi.payloadAttributes, {
    NFTA_PAYLOAD_DREG: register,
    NFTA_PAYLOAD_BASE: networkWord(abi.payloadBases[base]),
    NFTA_PAYLOAD_OFFSET: networkWord(offset),
    NFTA_PAYLOAD_LEN: networkWord(length),
  });
}

function encodeMatch(match: Match): Value[] {
  switch (match.kind) {
    case 'iifname':
    case 'oifname':
      return [meta(match.kind), compare(nameBytes(match.name), match.not === true)];
    case 'saddr':
    case 'daddr':
      return inSubnet(match.kind, match.subnet, match.not === true);
    case 'redirected':
      return tracked('status', abi.statuses.dnat, match.not === true);
    case 'known':
      return tracked('state', abi.states.established | abi.states.related, false);
    case 'local':
      return toHost();
  }
}

/** IFNAMSIZ, netdevice(7). */
const NAME_SIZE = 16;

function nameBytes(name: string): Buffer {
  return name.endsWith('*')
    ? Buffer.from(name.slice(0, -1))
    : Buffer.concat([Buffer.from(name)], NAME_SIZE);
}

/** Of the headers of IP: RFC 791, RFC 8200. */
const offsets = { 4: { saddr: 12, daddr: 16 }, 6: { saddr: 8, daddr: 24 } } as const;

function isOfFamily(family: Family): Value[] {
  const { NFPROTO_IPV4, NFPROTO_IPV6 } = abi.protocols;
  return [meta('nfproto'), compare(Buffer.of(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6), false)];
}

/** Whole bytes are compared as they are. */
function inSubnet(side: 'saddr' | 'daddr', subnet: Subnet, not: boolean): Value[] {
  const { family, first, length } = subnet;
  const size = addressSize(family);
  const bytes = addressBytes({ family, value: first });
  const offset = offsets[family][side];
  const whole = length > 0 && length % 8 === 0;
  const taken = whole ? length / 8 : size;
  return [
    ...isOfFamily(family),
    payload('NFT_PAYLOAD_NETWORK_HEADER', offset, taken),
    ...(whole ? [] : [mask(maskBytes(size, length))]),
    compare(bytes.subarray(0, taken), not),
  ];
}

function maskBytes(size: number, length: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return 0xff & (0xff << (8 - bits));
  });
}

/** Whether a connection has one of these bits, or none of them. Registers hold them in the machine's order. */
function tracked(key: keyof typeof abi.trackingKeys, bits: number, none: boolean): Value[] {
  const load = expression('ct', abi.trackingAttributes, {
    NFTA_CT_DREG: REGISTER,
    NFTA_CT_KEY: networkWord(abi.trackingKeys[key]),
  });
  const wanted = Buffer.alloc(SLOT);
  wanted.writeUInt32LE(bits);
  return [load, mask(wanted), compare(Buffer.alloc(SLOT), !none)];
}

function toHost(): Value[] {
  const load = expression('fib', abi.fibAttributes, {
    NFTA_FIB_DREG: REGISTER,
    NFTA_FIB_RESULT: networkWord(abi.fibResults.NFT_FIB_RESULT_ADDRTYPE),
    NFTA_FIB_FLAGS: networkWord(abi.fibFlags.NFTA_FIB_F_DADDR),
  });
  const local = Buffer.alloc(SLOT);
  local.writeUInt32LE(net.routeTypes.RTN_LOCAL);
  return [load, compare(local, false)];
}

function encodeVerdict(verdict: Verdict): Value[] {
  const { NF_ACCEPT, NF_DROP, NFT_JUMP } = abi.verdicts;
  if (verdict === 'accept') return [conclude(NF_ACCEPT)];
  if (verdict === 'drop') return [conclude(NF_DROP)];
  if (verdict === 'masquerade') return [expression('masq', {}, {})];
  if ('jump' in verdict) return [conclude(NFT_JUMP, verdict.jump)];
  return lead(verdict.dnat);
}

function conclude(code: number, chain?: string): Value {
  const verdict = nested(abi.verdictAttributes, {
    NFTA_VERDICT_CODE: networkWord(code),
    ...(chain === undefined ? {} : { NFTA_VERDICT_CHAIN: text(chain) }),
  });
  return expression('immediate', abi.immediateAttributes, {
    NFTA_IMMEDIATE_DREG: networkWord(NFT_REG_VERDICT),
    NFTA_IMMEDIATE_DATA: nested(abi.dataAttributes, { NFTA_DATA_VERDICT: verdict }),
  });
}

/** The key is gathered in registers side by side, and found there is what the map has for it. */
function lead({ name, family, keyedByAddress }: PortMap): Value[] {
  const { NFPROTO_IPV4, NFPROTO_IPV6 } = abi.protocols;
  const size = addressSize(family);
  const start = keyedByAddress ? size : 0;
  const DESTINATION_PORT = 2;
  return [
    ...(keyedByAddress
      ? [...isOfFamily(family), payload('NFT_PAYLOAD_NETWORK_HEADER', offsets[family].daddr, size)]
      : []),
    meta('l4proto', registerAt(start)),
    payload('NFT_PAYLOAD_TRANSPORT_HEADER', DESTINATION_PORT, 2, registerAt(start + SLOT)),
    expression('lookup', abi.lookupAttributes, {
      NFTA_LOOKUP_SET: text(name),
      NFTA_LOOKUP_SREG: REGISTER,
      NFTA_LOOKUP_DREG: REGISTER,
    }),
    expression('nat', abi.natAttributes, {
      NFTA_NAT_TYPE: networkWord(abi.natTypes.NFT_NAT_DNAT),
      NFTA_NAT_FAMILY: networkWord(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6),
      NFTA_NAT_REG_ADDR_MIN: REGISTER,
      NFTA_NAT_REG_PROTO_MIN: registerAt(size),
    }),
  ];
}
