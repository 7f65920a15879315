/** What stands in a box's /etc/hosts and /etc/resolv.conf: hosts(5), resolv.conf(5). */
import { type Address, parseAddress, printAddress } from '../spec/addresses.ts';
import type { Names } from '../spec/network.ts';

/** A box by the names that others find it by. */
export interface Neighbour {
  readonly addresses: readonly Address[];
  readonly names: readonly string[];
}

/** Names of the host itself, as podman gives them. */
export const HOST_NAMES: readonly string[] = ['host.containers.internal', 'host.docker.internal'];

/**
 * @param own the box itself; one without a network of its own has no address.
 * @param others of its network, after what was asked for: the first that matches counts.
 */
export function hostsText(
  asked: Names['hosts'],
  own: Neighbour,
  host: readonly Address[],
  others: readonly Neighbour[],
): string {
  const line = (address: Address, names: readonly string[]) =>
    `${printAddress(address)}\t${names.join(' ')}\n`;
  const lines = ({ addresses, names }: Neighbour) =>
    addresses.map((address) => line(address, names));
  const loopback = own.addresses.length === 0 ? ` ${own.names.join(' ')}` : '';
  return [
    `127.0.0.1\tlocalhost${loopback}\n`,
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    ...asked.map(({ name, address }) => line(address, [name])),
    ...lines(own),
    ...lines({ addresses: host.slice(0, 1), names: HOST_NAMES }),
    ...others.flatMap(lines),
  ].join('');
}

/**
 * @param host text of the host's file.
 * @param reachable whether a resolver of the host's is one for the box, too.
 */
export function resolverText(
  { servers, search, options }: Names,
  host: string,
  reachable: (server: Address) => boolean,
): string {
  const words = host.split('\n').map((line) => line.trim().split(/\s+/));
  const of = (name: string) => words.filter(([first]) => first === name).map(([, ...rest]) => rest);
  const theirs = of('nameserver')
    .flatMap(([word = '']) => parseAddress(word) ?? [])
    .filter(reachable);
  const domains =
    search.length > 0 ? search.filter((word) => word !== '.') : (of('search').at(-1) ?? []);
  const asked = options.length > 0 ? options : of('options').flat();
  return [
    ...(domains.length === 0 ? [] : [`search ${domains.join(' ')}\n`]),
    ...(servers.length > 0 ? servers : theirs).map(
      (server) => `nameserver ${printAddress(server)}\n`,
    ),
    ...(asked.length === 0 ? [] : [`options ${asked.join(' ')}\n`]),
  ].join('');
}
