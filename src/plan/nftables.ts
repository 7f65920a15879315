/**
 * Tables of the kernel's packet filter as data, and in the words of nft(8). The kernel is sent the same
 * as messages: nftables-messages.ts.
 */
import type { hooks } from '../abi/nftables.ts';
import {
  type Address,
  type Family,
  printAddress,
  printSubnet,
  type Subnet,
} from '../spec/addresses.ts';

/** All of them have to hold. */
export type Match =
  /** `*` at the end of a name stands for anything. */
  | {
      readonly kind: 'iifname' | 'oifname';
      readonly name: string;
      readonly not?: true;
    }
  | { readonly kind: 'saddr' | 'daddr'; readonly subnet: Subnet; readonly not?: true }
  /** Whether the packet is of a connection that was led to a published port. */
  | { readonly kind: 'redirected'; readonly not?: true }
  /** It is of a connection that is known, or that belongs to one. */
  | { readonly kind: 'known' }
  /** It is for an address of the host's. */
  | { readonly kind: 'local' };

export type Verdict =
  | 'accept'
  | 'drop'
  | 'masquerade'
  | { readonly jump: string }
  /** To where the map leads. */
  | { readonly dnat: PortMap };

export interface Rule {
  readonly matches: readonly Match[];
  readonly verdict: Verdict;
}

export interface Chain {
  readonly name: string;
  /** Absent: others jump to it. */
  readonly base?: {
    readonly type: 'nat' | 'filter';
    readonly hook: keyof typeof hooks;
    readonly priority: number;
  };
  readonly rules: readonly Rule[];
}

/** From a protocol, a port of the host's and perhaps an address of the host's, to an address and a port. */
export interface PortMap {
  readonly name: string;
  readonly family: Family;
  readonly keyedByAddress: boolean;
}

export interface Element {
  readonly map: PortMap;
  readonly protocol: 'tcp' | 'udp';
  /** Where the map is keyed by it. */
  readonly address?: Address;
  readonly host: number;
  readonly to: Address;
  readonly box: number;
}

/** What there is in it, or all of it. */
export interface Filling {
  readonly maps: readonly PortMap[];
  readonly elements: readonly Element[];
}

export type TableChange =
  /** Whatever there was of that name. */
  | {
      readonly to: 'made';
      readonly name: string;
      readonly content: Filling & { readonly chains: readonly Chain[] };
    }
  /** It may not be there. */
  | { readonly to: 'removed'; readonly name: string }
  /** Its maps have these elements and no others. */
  | { readonly to: 'refilled'; readonly name: string; readonly content: Filling }
  /** They have these, too. */
  | { readonly to: 'filled'; readonly name: string; readonly content: Filling };

export function printChange(change: TableChange): string[] {
  const table = `inet ${change.name}`;
  // That there be one makes it no error that there is none.
  const removed = [`add table ${table}`, `delete table ${table}`];
  if (change.to === 'removed') return removed;
  const { maps, elements } = change.content;
  const filled = elements.map((element) => `add element ${table} ${printElement(element)}`);
  if (change.to === 'filled') return filled;
  if (change.to === 'refilled')
    return [...maps.map(({ name }) => `flush map ${table} ${name}`), ...filled];
  return [
    ...removed,
    `add table ${table}`,
    ...maps.map((map) => `add map ${table} ${map.name} { type ${printType(map)}; }`),
    ...filled,
    ...change.content.chains.flatMap(({ name, base, rules }) => [
      base === undefined
        ? `add chain ${table} ${name}`
        : `add chain ${table} ${name} { type ${base.type} hook ${base.hook} priority ${base.priority}; }`,
      ...rules.map((rule) => `add rule ${table} ${name} ${printRule(rule)}`),
    ]),
  ];
}

const word = (family: Family) => (family === 4 ? 'ip' : 'ip6');

function printType({ family, keyedByAddress }: PortMap): string {
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const key = [...(keyedByAddress ? [address] : []), 'inet_proto', 'inet_service'];
  return `${key.join(' . ')} : ${address} . inet_service`;
}

function printElement({ map, protocol, address, host, to, box }: Element): string {
  const key = [...(address === undefined ? [] : [printAddress(address)]), protocol, host];
  return `${map.name} { ${key.join(' . ')} : ${printAddress(to)} . ${box} }`;
}

function printRule({ matches, verdict }: Rule): string {
  return [...matches.map(printMatch), printVerdict(verdict)].join(' ');
}

function printMatch(match: Match): string {
  switch (match.kind) {
    case 'iifname':
    case 'oifname':
      return `${match.kind} ${match.not ? '!= ' : ''}"${match.name}"`;
    case 'saddr':
    case 'daddr':
      return `${word(match.subnet.family)} ${match.kind} ${match.not ? '!= ' : ''}${printSubnet(match.subnet)}`;
    case 'redirected':
      return match.not ? 'ct status & dnat == 0' : 'ct status dnat';
    case 'known':
      return 'ct state established,related';
    case 'local':
      return 'fib daddr type local';
  }
}

function printVerdict(verdict: Verdict): string {
  if (typeof verdict === 'string') return verdict;
  if ('jump' in verdict) return `jump ${verdict.jump}`;
  const { name, family, keyedByAddress } = verdict.dnat;
  const key = [...(keyedByAddress ? [`${word(family)} daddr`] : []), 'meta l4proto', 'th dport'];
  return `dnat ${word(family)} to ${key.join(' . ')} map @${name}`;
}
