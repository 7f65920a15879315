/** Addresses of the Internet Protocol and ranges of them, as numbers: RFC 4291, RFC 4632, RFC 5952. */

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** Its 32 or 128 bits. */
  readonly value: bigint;
}

export interface Subnet {
  readonly family: Family;
  /** The first address of it. */
  readonly first: bigint;
  /** How many bits all of its addresses have in common. */
  readonly length: number;
}

const bitsOf: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

/** @returns undefined for what is no address. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseSix(text) : parseFour(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 6 : 4, value };
}

/** Not with leading zeros, which some read as octal. */
function parseFour(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part)))
    return undefined;
  const numbers = parts.map(BigInt);
  if (numbers.some((part) => part > 255n)) return undefined;
  return numbers.reduce((sum, part) => (sum << 8n) | part, 0n);
}

function parseSix(text: string): bigint | undefined {
  const halves = withGroups(text)?.split('::');
  if (halves === undefined || halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<string>(missing).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** The last 32 bits may be written as those of version 4. */
function withGroups(text: string): string | undefined {
  const colon = text.lastIndexOf(':');
  const last = text.slice(colon + 1);
  if (!last.includes('.')) return text;
  const four = parseFour(last);
  if (four === undefined) return undefined;
  return `${text.slice(0, colon + 1)}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`;
}

export function printAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  const [head, tail] = [groups.slice(0, zeros.start), groups.slice(zeros.start + zeros.length)];
  return `${head.join(':')}::${tail.join(':')}`;
}

/** The first of the longest. */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let found = { start: 0, length: 0 };
  groups.forEach((_, start) => {
    const end = groups.findIndex((group, index) => index >= start && group !== '0');
    const length = (end < 0 ? groups.length : end) - start;
    if (length > found.length) found = { start, length };
  });
  return found;
}

/** In the order in which they are sent. */
export function addressBytes({ family, value }: Address): Uint8Array {
  const size = bitsOf[family] / 8;
  return Uint8Array.from({ length: size }, (_, index) =>
    Number((value >> BigInt((size - 1 - index) * 8)) & 0xffn),
  );
}

export function addressFromBytes(bytes: Uint8Array): Address {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** `ADDRESS/LENGTH`. @returns undefined for what is none, or has bits beyond its length. */
export function parseSubnet(text: string): Subnet | undefined {
  const [word = '', bits = '', ...rest] = text.split('/');
  const address = parseAddress(word);
  if (address === undefined || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  const { family, value: first } = address;
  const subnet = { family, first, length: Number(bits) };
  if (subnet.length > bitsOf[family] || first % sizeOf(subnet) !== 0n) return undefined;
  return subnet;
}

export function printSubnet({ family, first, length }: Subnet): string {
  return `${printAddress({ family, value: first })}/${length}`;
}

/** How many addresses it has. */
export function sizeOf({ family, length }: Pick<Subnet, 'family' | 'length'>): bigint {
  return 1n << BigInt(bitsOf[family] - length);
}

export function overlap(one: Subnet, other: Subnet): boolean {
  if (one.family !== other.family) return false;
  const [begin, end] = [one.first, one.first + sizeOf(one)];
  return begin < other.first + sizeOf(other) && other.first < end;
}

/** @param number of which its first has 0. */
export function addressIn({ family, first }: Subnet, number: bigint): Address {
  return { family, value: first + number };
}
