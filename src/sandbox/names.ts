/** Writes a box's /etc/hosts and /etc/resolv.conf, which it sees in place of the image's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostsText, resolverText } from '../plan/names-text.ts';
import { type Address, addressIn } from '../spec/addresses.ts';
import { DEFAULT_HOSTNAME } from '../spec/defaults.ts';
import { GATEWAY, type Names, type Network } from '../spec/network.ts';
import { type Member, memberDirectory, writeInPlace } from './network-state.ts';

/** @param members all of its network, itself among them. */
export function writeNames(directory: string, member: Member, members: readonly Member[]): void {
  if (member.hosts === undefined) return;
  const { network } = member.attachment ?? {};
  const host = network === undefined ? [] : network.subnets.map((each) => addressIn(each, GATEWAY));
  const others = members.filter(({ id }) => id !== member.id).map(neighbour);
  writeInPlace(
    join(memberDirectory(directory, member.id), 'hosts'),
    hostsText(
      member.hosts,
      { ...neighbour(member), names: [member.hostname, member.id] },
      host,
      others,
    ),
  );
}

/** Boxes that were given no name have the same one: others find them by their ids. */
function neighbour({ id, attachment, hostname }: Member) {
  const names = hostname === DEFAULT_HOSTNAME ? [id] : [hostname, id];
  return { addresses: attachment?.addresses ?? [], names };
}

/** Where a box's resolvers must be reachable from. */
export type Resolvers =
  | { readonly kind: 'host' }
  | { readonly kind: 'network'; readonly network: Network }
  /** One that leads as far as the host's, and has a loopback interface of its own. */
  | { readonly kind: 'apart' }
  /** One that others made: ip-netns(8) has resolvers for those that have a name. */
  | { readonly kind: 'namespace'; readonly path: string };

export function writeResolver(directory: string, id: string, names: Names, from: Resolvers): void {
  const reachable = (server: Address) => isReachable(server, from);
  const texts = [
    ...filesOf(from).map((path) => resolverText(names, readIfThere(path), () => true)),
    ...resolverFiles.map((path) => resolverText(names, readIfThere(path), reachable)),
  ];
  // One that has a resolver for others is preferred to one that points to a program of the host's.
  const text = texts.find((each) => each.includes('nameserver '));
  writeInPlace(
    join(memberDirectory(directory, id), 'resolv.conf'),
    text ?? resolverText(names, readIfThere(resolverFiles[0]), reachable),
  );
}

/** The second is systemd-resolved's, where the first names its own address. */
const resolverFiles = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'] as const;

function filesOf(from: Resolvers): string[] {
  const path = from.kind === 'namespace' ? from.path : '';
  const [, name] = /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(path) ?? [];
  return name === undefined || name.startsWith('.') ? [] : [`/etc/netns/${name}/resolv.conf`];
}

function isReachable({ family, value }: Address, from: Resolvers): boolean {
  if (from.kind === 'host') return true;
  const loopback = family === 4 ? value >> 24n === 127n : value === 1n;
  if (from.kind !== 'network') return !loopback;
  const { internal, subnets } = from.network;
  return !internal && !loopback && subnets.some((subnet) => subnet.family === family);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
