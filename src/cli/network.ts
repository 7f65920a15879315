/** `tsbox network`: the networks that `run --network NAME` puts boxes on. */
import type { Command } from 'commander';
import { dataDirectory } from '../image/image.ts';
import { BoxError } from '../sandbox/errors.ts';
import {
  allNetworks,
  createNetwork,
  type NetworkFacts,
  networkFacts,
  type Places,
  pruneNetworks,
  removeNetwork,
} from '../sandbox/network-changes.ts';
import { networksDirectory } from '../sandbox/network-state.ts';
import { ownStateDirectory } from '../sandbox/state.ts';
import { writeAll } from '../sandbox/write.ts';
import { addressIn, printAddress, printSubnet } from '../spec/addresses.ts';
import { GATEWAY } from '../spec/network.ts';
import { parseCreate } from '../spec/network-create.ts';
import { tableOf } from './table.ts';

interface CreateFlags {
  readonly subnet?: string[];
  readonly opt?: string[];
  readonly internal?: true;
  readonly ipv6?: true;
}

const several = (value: string, before: string[] = []): string[] => [...before, value];

export function registerNetwork(program: Command): void {
  const network = program.command('network').description('networks of boxes');
  network
    .command('create <name>')
    .description('create a network; its bridge comes with its first box')
    .option('--subnet <subnet>', 'its addresses, one of each version at most', several)
    .option('--ipv6', 'addresses of version 6, too')
    .option('--internal', 'it leads nowhere else')
    .option('-o, --opt <option>', 'mtu=NUMBER: the most bytes of a packet', several)
    .action(async (name: string, flags: CreateFlags) => {
      const { subnet = [], opt = [], internal = false, ipv6 = false } = flags;
      const asked = parseCreate({ name, subnet, opt, internal, ipv6 });
      await createNetwork(places(), asked);
      print(`${name}\n`);
    });
  network
    .command('ls')
    .description('list networks')
    .action(() => print(table(allNetworks(places()))));
  network
    .command('inspect <name...>')
    .description('show all that is known of networks, as JSON')
    .action((names: string[]) => {
      const found = names.map((name) => toJson(networkFacts(places(), name)));
      print(`${JSON.stringify(found, undefined, 2)}\n`);
    });
  network
    .command('rm <name...>')
    .description('remove networks without boxes')
    .action(async (names: string[]) => {
      for (const name of names) {
        await removeNetwork(places(), name);
        print(`${name}\n`);
      }
    });
  network
    .command('prune')
    .description('remove all networks without boxes')
    .action(async () => {
      for (const name of await pruneNetworks(places())) print(`${name}\n`);
    });
}

const print = (text: string): void => void writeAll(1, text);

/** @throws BoxError for whom the kernel lets make no bridge. */
function places(): Places {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0)
    throw new BoxError('networks take root: the kernel lets nobody else make a bridge on the host');
  const { path } = ownStateDirectory(process.env, uid);
  return { data: dataDirectory(process.env, uid), directory: networksDirectory(path) };
}

function table(facts: readonly NetworkFacts[]): string {
  const rows = facts.map(({ network, members }) => [
    network.name,
    network.bridge,
    network.subnets.map(printSubnet).join(',') || '-',
    network.internal ? 'yes' : 'no',
    String(members.length),
  ]);
  return tableOf([['NAME', 'BRIDGE', 'SUBNETS', 'INTERNAL', 'BOXES'], ...rows]);
}

function toJson({ network, members }: NetworkFacts) {
  const { name, bridge, subnets, internal, mtu } = network;
  return {
    name,
    bridge,
    internal,
    ...(mtu === undefined ? {} : { mtu }),
    subnets: subnets.map((subnet) => ({
      subnet: printSubnet(subnet),
      gateway: printAddress(addressIn(subnet, GATEWAY)),
    })),
    boxes: members.map(({ id, hostname, attachment }) => ({
      id,
      hostname,
      addresses: (attachment?.addresses ?? []).map(printAddress),
    })),
  };
}
