/** What the flags ask of networks, and what of it cannot be had together. */
import type { BoxRequest } from './box.ts';
import type { ProblemList } from './errors.ts';
import { parseNames } from './names-options.ts';
import { containerOf } from './namespace-options.ts';
import {
  defaultNetwork,
  type Network,
  type NetworkChoice,
  type NetworkRequest,
  type Pasta,
  type UsualNetwork,
} from './network.ts';
import { parseNetwork } from './network-option.ts';
import { noOutside } from './outside.ts';
import { parsePublish, printPort } from './ports.ts';
import type { Caller, RunOptions } from './run-options.ts';
import type { Linux } from './spec.ts';

/** @returns no network for a box that has nothing but its loopback interface. */
export function networkRequest(
  options: RunOptions,
  caller: Around,
  problems: ProblemList,
): Pick<BoxRequest, 'network' | 'lacks'> {
  const { usualNetwork = 'none' } = caller;
  const choice = choiceOf(options, caller, problems);
  const { publish, dns, dnsSearch, dnsOption, addHost } = options;
  const resolver = dns.length + dnsSearch.length + dnsOption.length > 0;
  const lacks = choice.kind === 'none' ? choice.lacks : undefined;
  const told = lacks === undefined ? {} : { lacks: `${LOOPBACK_ALONE}: ${lacks}` };
  if (choice.kind === 'none' && publish.length + addHost.length === 0 && !resolver) return told;
  const ports = publish.flatMap((word) => problems.attempt(() => parsePublish(word), []));
  if (publish.length > 0 && choice.kind !== 'bridge' && choice.kind !== 'pasta')
    problems.add(`--publish ${publish[0]}: ${lacks ?? unpublishable(choice, usualNetwork)}`);
  if (resolver && choice.kind === 'none')
    problems.add(
      `--dns, --dns-search, --dns-option: ${lacks ?? `a box without a network asks nobody: add ${leadsOut(usualNetwork)}`}`,
    );
  for (const why of refusals(choice, options, caller.ids)) problems.add(why);
  for (const port of twice(ports.map((each) => printPort({ ...each, box: 0 }).replace(':0/', '/'))))
    problems.add(
      `--publish: ${port} of the host is given twice; it can lead to one port of the box`,
    );
  const names = parseNames(options, problems);
  const asked = options.network !== undefined || publish.length > 0 || resolver;
  const network = { choice, ports, names, ...(asked ? {} : { preferred: true as const }) };
  return { network, ...told };
}

function choiceOf(
  options: RunOptions,
  {
    findNetwork = findDefault,
    findPasta = findNone,
    outside = noOutside,
    ids,
    usualNetwork = 'none',
  }: Around,
  problems: ProblemList,
): NetworkChoice {
  const findBox = (what: string, id: string) => containerOf(what, id, ids.kind, outside);
  return problems.attempt<NetworkChoice>(
    () => parseNetwork(options.network, usualNetwork, findNetwork, findBox, findPasta),
    { kind: 'none' },
  );
}

/** A sentence each. */
function refusals(
  choice: NetworkChoice,
  { network, dns, dnsSearch, dnsOption, addHost }: RunOptions,
  { kind }: Caller['ids'],
): string[] {
  const names = [dns, dnsSearch, dnsOption, addHost].some((words) => words.length > 0);
  switch (choice.kind) {
    case 'box':
      return names
        ? [
            `--dns, --dns-search, --dns-option, --add-host: the box has the names of box ${choice.id}, whose network it shares: give them to that one`,
          ]
        : [];
    case 'host':
      return kind === 'root'
        ? []
        : [
            '--network host: only root may mount a /sys that shows the interfaces of the host (network_namespaces(7)): run tsbox as root, or use --network=none',
          ];
    case 'namespace':
      return kind === 'user'
        ? [
            `--network ${network}: only root may enter a network namespace that is there already (setns(2)): run tsbox as root`,
          ]
        : [];
    default:
      return [];
  }
}

/** What is said of a box that gets no network which nobody asked for; why follows. */
export const LOOPBACK_ALONE = 'the box has its loopback interface alone';

/** Of a box whose host cannot have the network that it prefers. */
export function withoutNetwork({ names }: NetworkRequest): NetworkRequest {
  const hosts = names !== undefined && names.hosts.length > 0;
  return { choice: { kind: 'none' }, ports: [], ...(hosts ? { names } : {}) };
}

type Around = Pick<Caller, 'findNetwork' | 'findPasta' | 'outside' | 'ids' | 'usualNetwork'>;

function leadsOut(usual: UsualNetwork): string {
  return usual === 'pasta' ? '--network=pasta' : '--network=bridge';
}

function unpublishable(choice: NetworkChoice, usual: UsualNetwork): string {
  const bridge = `ports are led into boxes ${usual === 'pasta' ? 'by pasta' : 'on a bridge'}: add ${leadsOut(usual)}`;
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

const findNone = (): Pasta => ({
  lacks: 'nobody is there who would look for pasta',
  mend: 'give Caller.findPasta',
});

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
