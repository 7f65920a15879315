/** What `tsbox network` does: creates and removes networks, and tells of those there are. */
import { findLink, readRoutes } from '../linux/netlink.ts';
import { randomHex } from '../linux/random.ts';
import { freeSubnet, uniqueLocal } from '../plan/subnets.ts';
import type { Subnet } from '../spec/addresses.ts';
import { defaultNetwork, type Network } from '../spec/network.ts';
import type { AskedNetwork } from '../spec/network-create.ts';
import { BoxError } from './errors.ts';
import { findNetwork, forgetNetwork, keepNetwork, listNetworks } from './network-definitions.ts';
import { locked, type Member, readActive, readMembers } from './network-state.ts';
import { membersOf, refuseConflicts } from './networks.ts';

/** Where networks are kept, and where their boxes. */
export interface Places {
  readonly data: string;
  /** That of networksDirectory(). */
  readonly directory: string;
}

/** A network, and the boxes on it. */
export interface NetworkFacts {
  readonly network: Network;
  readonly members: readonly Member[];
}

/** @throws BoxError */
export function createNetwork(
  { data, directory }: Places,
  { lacks, ...asked }: AskedNetwork,
): Promise<Network> {
  return locked(directory, async () => {
    const others = listNetworks(data);
    const known = [
      ...[...readRoutes(4), ...readRoutes(6)].map(({ to }) => to),
      ...others.flatMap(({ subnets }) => subnets),
    ];
    const found = lacks.map((family) =>
      family === 4 ? freeFour(known) : uniqueLocal(randomHex(5)),
    );
    const subnets = [...asked.subnets, ...found].toSorted((one, two) => one.family - two.family);
    const network: Network = { ...asked, subnets, bridge: freeBridge(others) };
    refuseConflicts(network, known);
    keepNetwork(data, network);
    return network;
  });
}

function freeFour(known: readonly Subnet[]): Subnet {
  const free = freeSubnet(
    'created',
    known.filter(({ length }) => length > 0),
  );
  if (free !== undefined) return free;
  throw new BoxError('the host has routes to all of 10.91.0.0/16: choose a --subnet');
}

function freeBridge(others: readonly Network[]): string {
  for (let number = 1; ; number++) {
    const name = `tsbox${number}`;
    if (!others.some(({ bridge }) => bridge === name) && findLink(name) === undefined) return name;
  }
}

/** @throws BoxError where there is none of this name. */
export function networkFacts({ data, directory }: Places, name: string): NetworkFacts {
  const network = findNetwork(data, name);
  if (network === undefined)
    throw new BoxError(`no network is called ${name}: \`tsbox network ls\` lists those there are`);
  return factsOf(directory, network);
}

export function allNetworks({ data, directory }: Places): NetworkFacts[] {
  return listNetworks(data).map((network) => factsOf(directory, network));
}

/** The default network has its addresses while boxes are on it. */
function factsOf(directory: string, network: Network): NetworkFacts {
  const active = readActive(directory).find(({ name }) => name === network.name);
  return { network: active ?? network, members: membersOf(readMembers(directory), network) };
}

/** @throws BoxError for one that is not there, or has boxes. */
export function removeNetwork(places: Places, name: string): Promise<void> {
  return locked(places.directory, async () => {
    const { network, members } = networkFacts(places, name);
    if (network.name === defaultNetwork.name)
      throw new BoxError(`${name} is the network that --network=bridge means: it stays`);
    if (members.length > 0)
      throw new BoxError(
        `${name} has boxes (${members.map(({ id }) => id).join(', ')}): end them first; what killed ones left goes with the next \`tsbox run\``,
      );
    forgetNetwork(places.data, name);
  });
}

/** @returns the names of those that were removed: all without boxes. */
export function pruneNetworks(places: Places): Promise<string[]> {
  return locked(places.directory, async () => {
    const names = allNetworks(places)
      .filter(
        ({ network, members }) => network.name !== defaultNetwork.name && members.length === 0,
      )
      .map(({ network }) => network.name);
    for (const name of names) forgetNetwork(places.data, name);
    return names;
  });
}
