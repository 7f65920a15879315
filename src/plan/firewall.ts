/**
 * The packet filter of a network of tsbox's: a table of its own, that has the name of its bridge. When a
 * port is published or given up, its maps are filled anew as a whole, in one transaction. What others
 * filter stays as it is.
 */
import type { Address, Family, Subnet } from '../spec/addresses.ts';
import type { Attachment, Network, PublishedPort } from '../spec/network.ts';
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

/** Of a box that is on the network. */
export type Publisher = Pick<Attachment, 'addresses' | 'ports'>;

/** What all bridges of tsbox's are called. */
const ANY_BRIDGE = 'tsbox*';

/** @param alone whether the host forwards packets for tsbox's networks only, which it did not before. */
export function networkTable(
  network: Network,
  publishers: readonly Publisher[],
  alone: boolean,
): TableChange {
  const base = (name: string, at: NonNullable<Chain['base']>, rules: readonly Rule[]): Chain => ({
    name,
    base: at,
    rules,
  });
  const led = [rule([{ kind: 'local' }], { jump: 'published' })];
  return {
    to: 'made',
    name: network.bridge,
    content: {
      ...filling(publishers),
      chains: [
        { name: 'published', rules: published },
        base('incoming', { type: 'nat', hook: 'prerouting', priority: -100 }, led),
        base('own', { type: 'nat', hook: 'output', priority: -100 }, led),
        base('outgoing', { type: 'nat', hook: 'postrouting', priority: 100 }, translated(network)),
        base('guard', { type: 'filter', hook: 'prerouting', priority: -300 }, guarded(network)),
        base(
          'forwarded',
          { type: 'filter', hook: 'forward', priority: 0 },
          forwarded(network, alone),
        ),
      ],
    },
  };
}

/** The same table with other published ports. */
export function refilledTable(
  { bridge }: Pick<Network, 'bridge'>,
  publishers: readonly Publisher[],
): TableChange {
  return { to: 'refilled', name: bridge, content: filling(publishers) };
}

/** The same table with the published ports of one more box. */
export function extendedTable(
  { bridge }: Pick<Network, 'bridge'>,
  publisher: Publisher,
): TableChange {
  return { to: 'filled', name: bridge, content: filling([publisher]) };
}

export function noTable({ bridge }: Pick<Network, 'bridge'>): TableChange {
  return { to: 'removed', name: bridge };
}

function filling(publishers: readonly Publisher[]): Filling {
  return { maps: [at[4], any[4], at[6], any[6]], elements: publishers.flatMap(elementsOf) };
}

const rule = (matches: readonly Match[], verdict: Verdict): Rule => ({ matches, verdict });
const from = (name: string): Match => ({ kind: 'iifname', name });
const to = (name: string): Match => ({ kind: 'oifname', name });
const notFrom = (name: string): Match => ({ kind: 'iifname', name, not: true });
const notTo = (name: string): Match => ({ kind: 'oifname', name, not: true });
const redirected: Match = { kind: 'redirected' };
const notRedirected: Match = { kind: 'redirected', not: true };

const loopback: Readonly<Record<Family, Subnet>> = {
  4: { family: 4, first: 127n << 24n, length: 8 },
  6: { family: 6, first: 1n, length: 128 },
};
/** fe80::/10 and ::, with which IPv6 finds its neighbours before it has an address: RFC 4861. */
const ownOfSix: readonly Subnet[] = [
  { family: 6, first: 0xfe80n << 112n, length: 10 },
  { family: 6, first: 0n, length: 128 },
];

/** Published at one address, or at all. */
const at: Readonly<Record<Family, PortMap>> = {
  4: { name: 'at4', family: 4, keyedByAddress: true },
  6: { name: 'at6', family: 6, keyedByAddress: true },
};
const any: Readonly<Record<Family, PortMap>> = {
  4: { name: 'any4', family: 4, keyedByAddress: false },
  6: { name: 'any6', family: 6, keyedByAddress: false },
};

const published: readonly Rule[] = [
  rule([], { dnat: at[4] }),
  rule([], { dnat: any[4] }),
  rule([], { dnat: at[6] }),
  // The kernel routes no packet from ::1 to elsewhere.
  rule([{ kind: 'daddr', subnet: loopback[6], not: true }], { dnat: any[6] }),
];

function elementsOf({ addresses, ports }: Publisher): Element[] {
  return ports.flatMap((port) =>
    addresses
      .filter(({ family }) => port.address === undefined || port.address.family === family)
      .map((address) => elementOf(port, address)),
  );
}

function elementOf({ address, protocol, host, box }: PublishedPort, to: Address): Element {
  const common = { protocol, host, to, box };
  return address === undefined
    ? { map: any[to.family], ...common }
    : { map: at[to.family], address, ...common };
}

/** Source addresses that are not the box's own on the way out. */
function translated({ bridge, subnets, internal }: Network): Rule[] {
  return subnets.flatMap((subnet) => {
    const ours: Match = { kind: 'saddr', subnet };
    const host: Match = { kind: 'saddr', subnet: loopback[4] };
    return [
      ...(internal ? [] : [rule([ours, notTo(bridge)], 'masquerade')]),
      // To a published port of a box on the same network: the answer has to come back this way.
      rule([ours, to(bridge), redirected], 'masquerade'),
      ...(subnet.family === 4 ? [rule([host, to(bridge)], 'masquerade')] : []),
    ];
  });
}

/**
 * The host's services at 127.0.0.1 are not for boxes, though packets from there are led to them
 * (CVE-2020-8558), and no box sends as somebody from elsewhere.
 */
function guarded({ bridge, subnets }: Network): Rule[] {
  return [
    rule([from(bridge), { kind: 'daddr', subnet: loopback[4] }], 'drop'),
    ...[...subnets, ...ownOfSix].map((subnet) =>
      rule([from(bridge), { kind: 'saddr', subnet }], 'accept'),
    ),
    rule([from(bridge)], 'drop'),
  ];
}

/** From outside, another network of tsbox's included, published ports alone can be reached. */
function forwarded({ bridge, internal }: Network, alone: boolean): Rule[] {
  return [
    rule([from(bridge), to(bridge)], 'accept'),
    ...(internal ? [rule([from(bridge)], 'drop'), rule([to(bridge)], 'drop')] : []),
    rule([from(bridge), to(ANY_BRIDGE), notRedirected], 'drop'),
    rule([to(bridge), { kind: 'known' }], 'accept'),
    rule([to(bridge), redirected], 'accept'),
    rule([to(bridge)], 'drop'),
    ...(alone ? [rule([notFrom(ANY_BRIDGE), notTo(ANY_BRIDGE)], 'drop')] : []),
  ];
}
