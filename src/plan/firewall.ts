/**
 * The packet filter of a network of tsbox's: nft(8). A table of its own, that has the name of its
 * bridge, made anew as a whole, in one transaction, when a port is published or given up. What others
 * filter stays as it is. Every word in it is a number, an address or a name of tsbox's own.
 */
import { type Address, printAddress, printSubnet } from '../spec/addresses.ts';
import type { Attachment, Network, PublishedPort } from '../spec/network.ts';

/** Of a box that is on the network. */
export type Publisher = Pick<Attachment, 'addresses' | 'ports'>;

/** What all bridges of tsbox's are called. */
const ANY_BRIDGE = '"tsbox*"';

/**
 * @param alone whether the host forwards packets for tsbox's networks only, which it did not before.
 * @returns the commands, of which the first two remove what is there.
 */
export function tableCommands(
  network: Network,
  publishers: readonly Publisher[],
  alone: boolean,
): string[] {
  const table = `inet ${network.bridge}`;
  const chain = (name: string, type: string, rules: readonly string[]) => [
    `add chain ${table} ${name} ${type}`,
    ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
  ];
  return [
    ...removeTable(network),
    `add table ${table}`,
    ...maps.map(
      ([name, key, value]) => `add map ${table} ${name} { type ${key} : ${value} . inet_service; }`,
    ),
    ...publishers.flatMap((publisher) => elements(table, publisher)),
    ...chain('published', '', [
      'dnat ip to ip daddr . meta l4proto . th dport map @at4',
      'dnat ip to meta l4proto . th dport map @any4',
      'dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6',
      // The kernel routes no packet from ::1 to elsewhere.
      'ip6 daddr != ::1 dnat ip6 to meta l4proto . th dport map @any6',
    ]),
    ...chain('incoming', '{ type nat hook prerouting priority -100; }', [
      'fib daddr type local jump published',
    ]),
    ...chain('own', '{ type nat hook output priority -100; }', [
      'fib daddr type local jump published',
    ]),
    ...chain('outgoing', '{ type nat hook postrouting priority 100; }', translated(network)),
    ...chain('guard', '{ type filter hook prerouting priority -300; }', guarded(network)),
    ...chain('forwarded', '{ type filter hook forward priority 0; }', forwarded(network, alone)),
  ];
}

/** That there be one makes it no error that there is none. */
export function removeTable({ bridge }: Pick<Network, 'bridge'>): string[] {
  return [`add table inet ${bridge}`, `delete table inet ${bridge}`];
}

/** Published at one address, or at all. */
const maps = [
  ['at4', 'ipv4_addr . inet_proto . inet_service', 'ipv4_addr'],
  ['any4', 'inet_proto . inet_service', 'ipv4_addr'],
  ['at6', 'ipv6_addr . inet_proto . inet_service', 'ipv6_addr'],
  ['any6', 'inet_proto . inet_service', 'ipv6_addr'],
] as const;

function elements(table: string, { addresses, ports }: Publisher): string[] {
  return ports.flatMap((port) =>
    addresses
      .filter(({ family }) => port.address === undefined || port.address.family === family)
      .map((to) => `add element ${table} ${elementOf(port, to)}`),
  );
}

function elementOf({ protocol, address, host, box }: PublishedPort, to: Address): string {
  const key = `${protocol} . ${host} : ${printAddress(to)} . ${box}`;
  return address === undefined
    ? `any${to.family} { ${key} }`
    : `at${to.family} { ${printAddress(address)} . ${key} }`;
}

const word = (family: 4 | 6) => (family === 4 ? 'ip' : 'ip6');

/** Source addresses that are not the box's own on the way out. */
function translated({ bridge, subnets, internal }: Network): string[] {
  return subnets.flatMap((subnet) => {
    const from = `${word(subnet.family)} saddr ${printSubnet(subnet)}`;
    return [
      ...(internal ? [] : [`${from} oifname != "${bridge}" masquerade`]),
      // To a published port of a box on the same network: the answer has to come back this way.
      `${from} oifname "${bridge}" ct status dnat masquerade`,
      ...(subnet.family === 4 ? [`ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade`] : []),
    ];
  });
}

/**
 * The host's services at 127.0.0.1 are not for boxes, though packets from there are led to them
 * (CVE-2020-8558), and no box sends as somebody from elsewhere.
 */
function guarded({ bridge, subnets }: Network): string[] {
  const four = subnets.filter(({ family }) => family === 4).map(printSubnet);
  const six = subnets.filter(({ family }) => family === 6).map(printSubnet);
  const own = (list: readonly string[]) => `{ ${list.join(', ')} }`;
  return [
    `iifname "${bridge}" ip daddr 127.0.0.0/8 drop`,
    four.length === 0
      ? `iifname "${bridge}" meta nfproto ipv4 drop`
      : `iifname "${bridge}" ip saddr != ${own(four)} drop`,
    `iifname "${bridge}" ip6 saddr != ${own([...six, 'fe80::/10', '::'])} drop`,
  ];
}

/** From outside, another network of tsbox's included, published ports alone can be reached. */
function forwarded({ bridge, internal }: Network, alone: boolean): string[] {
  return [
    `iifname "${bridge}" oifname "${bridge}" accept`,
    ...(internal ? [`iifname "${bridge}" drop`, `oifname "${bridge}" drop`] : []),
    `iifname "${bridge}" oifname ${ANY_BRIDGE} ct status & dnat == 0 drop`,
    `oifname "${bridge}" ct state established,related accept`,
    `oifname "${bridge}" ct status dnat accept`,
    `oifname "${bridge}" drop`,
    ...(alone ? [`iifname != ${ANY_BRIDGE} oifname != ${ANY_BRIDGE} drop`] : []),
  ];
}
