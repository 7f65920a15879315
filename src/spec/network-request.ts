/** What the flags ask of networks, and what of it cannot be had together. */
import type { BoxIds } from './box.ts';
import type { ProblemList } from './errors.ts';
import { parseNames } from './names-options.ts';
import { defaultNetwork, type Network, type NetworkRequest } from './network.ts';
import { parseNetwork } from './network-option.ts';
import { parsePublish, printPort } from './ports.ts';
import type { Caller, RunOptions } from './run-options.ts';
import type { Linux } from './spec.ts';

/** @returns undefined for a box that has nothing but its loopback interface. */
export function networkRequest(
  options: RunOptions,
  find: NonNullable<Caller['findNetwork']>,
  problems: ProblemList,
): NetworkRequest | undefined {
  const choice = problems.attempt(() => parseNetwork(options.network, find), {
    kind: 'none',
  } as const);
  const { publish, dns, dnsSearch, dnsOption, addHost } = options;
  const resolver = dns.length + dnsSearch.length + dnsOption.length > 0;
  if (choice.kind === 'none' && publish.length + addHost.length === 0 && !resolver)
    return undefined;
  const ports = publish.flatMap((word) => problems.attempt(() => parsePublish(word), []));
  if (publish.length > 0 && choice.kind !== 'bridge')
    problems.add(
      `--publish ${publish[0]}: ports are led into boxes on a bridge: add --network=bridge${choice.kind === 'host' ? ', or use the ports of the host, which this box has already' : ''}`,
    );
  if (resolver && choice.kind === 'none')
    problems.add(
      '--dns, --dns-search, --dns-option: a box without a network asks nobody: add --network=bridge',
    );
  if (choice.kind === 'namespace' || choice.kind === 'box')
    problems.add(
      `--network ${options.network}: not yet: boxes cannot be put into a network namespace that is there`,
    );
  for (const port of twice(ports.map((each) => printPort({ ...each, box: 0 }).replace(':0/', '/'))))
    problems.add(
      `--publish: ${port} of the host is given twice; it can lead to one port of the box`,
    );
  const names = parseNames(options, problems);
  return { choice, ports, names };
}

function twice(words: readonly string[]): Set<string> {
  return new Set(words.filter((word, index) => words.indexOf(word) !== index));
}

/** sysfs shows a network namespace: its owner alone may mount it (network_namespaces(7)). */
export function checkSysfs(
  network: NetworkRequest | undefined,
  { own, uid }: Pick<BoxIds, 'own' | 'uid'>,
  problems: ProblemList,
): void {
  if (network?.choice.kind !== 'host' || (own === 'no' && uid.length === 0)) return;
  problems.add(
    '--network host in a user namespace: the kernel does not let its root mount /sys for a network that is not its own: run tsbox as root with --userns=host, or use --network=none',
  );
}

/** Where no other network is known. */
export function findDefault(name: string): Network | undefined {
  return name === defaultNetwork.name ? defaultNetwork : undefined;
}

/** The host's network namespace is one that is not listed. */
export function withNetwork(
  namespaces: Linux['namespaces'],
  network: NetworkRequest | undefined,
): Linux['namespaces'] {
  if (network?.choice.kind !== 'host') return namespaces;
  return namespaces.filter(({ type }) => type !== 'network');
}
