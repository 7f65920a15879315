/** The words of `tsbox network create`: podman-network-create(1). */
import { parseSubnet, printSubnet, type Subnet } from './addresses.ts';
import { ProblemList, SpecError } from './errors.ts';
import { defaultNetwork, type Network } from './network.ts';
import { modes, networkName } from './network-option.ts';

/** What the command line says, word for word. */
export interface CreateOptions {
  readonly name: string;
  readonly subnet: readonly string[];
  readonly opt: readonly string[];
  readonly internal: boolean;
  readonly ipv6: boolean;
}

/** A network without its bridge, and with the subnets that were asked for alone. */
export interface AskedNetwork extends Omit<Network, 'bridge'> {
  /** Which of both versions it is to get a subnet of, beside those. */
  readonly lacks: readonly (4 | 6)[];
}

/** @throws SpecError with everything that is wrong. */
export function parseCreate(options: CreateOptions): AskedNetwork {
  const problems = new ProblemList();
  const name = problems.attempt(() => parseName(options.name), '');
  const subnets = options.subnet.flatMap((word) =>
    problems.attempt(() => [parseNetworkSubnet(word)], []),
  );
  const has = (family: 4 | 6) => subnets.some((subnet) => subnet.family === family);
  for (const family of [4, 6] as const)
    if (subnets.filter((subnet) => subnet.family === family).length > 1)
      problems.add(`--subnet: two of version ${family}; a network has one of each`);
  const mtu = problems.attempt(() => parseMtu(options.opt, has(6) || options.ipv6), undefined);
  problems.throwIfAny();
  return {
    name,
    subnets,
    internal: options.internal,
    ...(mtu === undefined ? {} : { mtu }),
    lacks: [
      ...(subnets.length === 0 || (options.ipv6 && !has(4)) ? [4 as const] : []),
      ...(options.ipv6 && !has(6) ? [6 as const] : []),
    ],
  };
}

function parseName(name: string): string {
  if (!networkName.test(name))
    throw new SpecError([
      `${name}: not a name for a network: letters, digits, _ . and -, the first a letter or digit, 63 at most, are`,
    ]);
  if (modes.includes(name) || name === defaultNetwork.name)
    throw new SpecError([`${name}: --network ${name} means something else: choose another name`]);
  return name;
}

/** Room for a bridge and a box, beside the first address and the broadcast address. */
const LONGEST = { 4: 30, 6: 126 } as const;

function parseNetworkSubnet(word: string): Subnet {
  const subnet = parseSubnet(word);
  if (subnet === undefined)
    throw new SpecError([
      `--subnet ${word}: not a subnet, or not its first address: one such as 10.91.0.0/24 or fd00:91::/64 is`,
    ]);
  if (subnet.length < 8 || subnet.length > LONGEST[subnet.family])
    throw new SpecError([
      `--subnet ${word}: /8 to /${LONGEST[subnet.family]} are allowed for version ${subnet.family}`,
    ]);
  const why = special.find(([range]) => within(subnet, range))?.[1];
  if (why !== undefined) throw new SpecError([`--subnet ${printSubnet(subnet)}: ${why}`]);
  return subnet;
}

const special: readonly (readonly [string, string])[] = [
  ['127.0.0.0/8', 'these are the addresses of the loopback interface'],
  ['0.0.0.0/8', 'these addresses are nobody’s'],
  ['224.0.0.0/3', 'these are no addresses of single machines'],
  ['ff00::/8', 'these are no addresses of single machines'],
  ['fe80::/10', 'every interface has these addresses already'],
];

function within({ family, first }: Subnet, range: string): boolean {
  const around = parseSubnet(range);
  if (around === undefined || around.family !== family) return false;
  const bits = BigInt((family === 4 ? 32 : 128) - around.length);
  return first >> bits === around.first >> bits;
}

function parseMtu(words: readonly string[], six: boolean): number | undefined {
  let mtu: number | undefined;
  for (const word of words) {
    const [, digits] = /^mtu=(\d{1,5})$/.exec(word) ?? [];
    mtu = Number(digits);
    // RFC 791, RFC 8200.
    const least = six ? 1280 : 68;
    if (digits === undefined || mtu < least || mtu > 65535)
      throw new SpecError([
        `--opt ${word}: mtu=NUMBER is allowed, ${least} to 65535${six ? ' with IPv6' : ''}`,
      ]);
  }
  return mtu;
}
