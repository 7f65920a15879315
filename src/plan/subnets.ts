/** Which addresses a network gets, beside what the host reaches already. */
import { overlap, parseSubnet, printSubnet, type Subnet } from '../spec/addresses.ts';

/**
 * Of networks that ask for none: private addresses (RFC 1918), 10.90.0.0/16 for the default network,
 * 10.91.0.0/16 for those that were created, so that it never has the addresses of one without boxes.
 */
const pools = { default: 0x0a5a0000n, created: 0x0a5b0000n } as const;

/** @param taken what the host, or another network, has. @returns undefined where all of them are. */
export function freeSubnet(pool: keyof typeof pools, taken: readonly Subnet[]): Subnet | undefined {
  for (let number = 0n; number < 256n; number++) {
    const candidate: Subnet = { family: 4, first: pools[pool] + number * 256n, length: 24 };
    if (!taken.some((other) => overlap(candidate, other))) return candidate;
  }
  return undefined;
}

/** Unique local addresses (RFC 4193). @param random 40 bits as hexadecimal digits. */
export function uniqueLocal(random: string): Subnet {
  const first = (0xfdn << 120n) | (BigInt(`0x${random}`) << 80n);
  return { family: 6, first, length: 64 };
}

/** A route that is to everywhere stands in nobody's way. */
export function conflicts(wanted: readonly Subnet[], routes: readonly Subnet[]): Subnet[] {
  return routes.filter(
    (route) => route.length > 0 && wanted.some((subnet) => overlap(subnet, route)),
  );
}

/** How a network keeps its subnets in a file. */
export function readSubnets(words: readonly string[]): Subnet[] {
  return words.flatMap((word) => parseSubnet(word) ?? []);
}

export function writeSubnets(subnets: readonly Subnet[]): string[] {
  return subnets.map(printSubnet);
}
