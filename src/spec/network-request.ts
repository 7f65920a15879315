/** What the flags ask of networks, and what of it cannot be had together. */
import type { ProblemList } from './errors.ts';
import { parseNames } from './names-options.ts';
import { containerOf } from './namespace-options.ts';
import {
  defaultNetwork,
  type Network,
  type NetworkChoice,
  type NetworkRequest,
} from './network.ts';
import { parseNetwork } from './network-option.ts';
import { noOutside } from './outside.ts';
import { parsePublish, printPort } from './ports.ts';
import type { Caller, RunOptions } from './run-options.ts';
import type { Linux } from './spec.ts';

/** @returns undefined for a box that has nothing but its loopback interface. */
export function networkRequest(
  options: RunOptions,
  { findNetwork = findDefault, outside = noOutside, ids, usualNetwork = 'none' }: Around,
  problems: ProblemList,
): NetworkRequest | undefined {
  const choice = problems.attempt(
    () =>
      parseNetwork(options.network, usualNetwork, findNetwork, (what, id) =>
        containerOf(what, id, ids.kind, outside),
      ),
    {
      kind: 'none',
    } as const,
  );
  const { publish, dns, dnsSearch, dnsOption, addHost } = options;
  const resolver = dns.length + dnsSearch.length + dnsOption.length > 0;
  if (choice.kind === 'none' && publish.length + addHost.length === 0 && !resolver)
    return undefined;
  const ports = publish.flatMap((word) => problems.attempt(() => parsePublish(word), []));
  if (publish.length > 0 && choice.kind !== 'bridge')
    problems.add(`--publish ${publish[0]}: ${unpublishable(choice)}`);
  if (resolver && choice.kind === 'none')
    problems.add(
      '--dns, --dns-search, --dns-option: a box without a network asks nobody: add --network=bridge',
    );
  if (choice.kind === 'box' && (resolver || addHost.length > 0))
    problems.add(
      `--dns, --dns-search, --dns-option, --add-host: the box has the names of box ${choice.id}, whose network it shares: give them to that one`,
    );
  if (choice.kind === 'host' && ids.kind !== 'root')
    problems.add(
      '--network host: only root may mount a /sys that shows the interfaces of the host (network_namespaces(7)): run tsbox as root, or use --network=none',
    );
  if (choice.kind === 'namespace' && ids.kind === 'user')
    problems.add(
      `--network ${options.network}: only root may enter a network namespace that is there already (setns(2)): run tsbox as root`,
    );
  for (const port of twice(ports.map((each) => printPort({ ...each, box: 0 }).replace(':0/', '/'))))
    problems.add(
      `--publish: ${port} of the host is given twice; it can lead to one port of the box`,
    );
  const names = parseNames(options, problems);
  const asked = options.network !== undefined || publish.length > 0 || resolver;
  return { choice, ports, names, ...(asked ? {} : { preferred: true }) };
}

/** Of a box whose host cannot have the network that it prefers. */
export function withoutNetwork({ names }: NetworkRequest): NetworkRequest {
  const hosts = names !== undefined && names.hosts.length > 0;
  return { choice: { kind: 'none' }, ports: [], ...(hosts ? { names } : {}) };
}

type Around = Pick<Caller, 'findNetwork' | 'outside' | 'ids' | 'usualNetwork'>;

function unpublishable(choice: NetworkChoice): string {
  const bridge = 'ports are led into boxes on a bridge: add --network=bridge';
  switch (choice.kind) {
    case 'host':
      return `${bridge}, or use the ports of the host, which this box has already`;
    case 'box':
      return `the ports are those of box ${choice.id}, whose network it shares: publish them with that one`;
    case 'namespace':
      return 'tsbox leads no ports into a network namespace that others made: do it there, or add --network=bridge instead';
    default:
      return bridge;
  }
}

function twice(words: readonly string[]): Set<string> {
  return new Set(words.filter((word, index) => words.indexOf(word) !== index));
}

/** Where no other network is known. */
export function findDefault(name: string): Network | undefined {
  return name === defaultNetwork.name ? defaultNetwork : undefined;
}

/** The host's network namespace is one that is not listed; another's has a path. */
export function withNetwork(
  namespaces: Linux['namespaces'],
  network: NetworkRequest | undefined,
): Linux['namespaces'] {
  if (network === undefined) return namespaces;
  const { choice } = network;
  if (choice.kind === 'host') return namespaces.filter(({ type }) => type !== 'network');
  if (choice.kind !== 'namespace' && choice.kind !== 'box') return namespaces;
  const { path } = choice;
  return namespaces.map((each) => (each.type === 'network' ? { ...each, path } : each));
}
