/** `--dns`, `--dns-search`, `--dns-option` and `--add-host`: podman-run(1), resolv.conf(5), hosts(5). */
import { type Address, parseAddress } from './addresses.ts';
import { type ProblemList, SpecError } from './errors.ts';
import type { Names } from './network.ts';
import type { RunOptions } from './run-options.ts';

/** A name of RFC 1123, of which programs also take underscores. */
const hostName =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

export function parseNames(options: RunOptions, problems: ProblemList): Names {
  const each = <T>(words: readonly string[], parse: (word: string) => T): T[] =>
    words.flatMap((word) => problems.attempt(() => [parse(word)], []));
  return {
    servers: each(options.dns, parseServer),
    search: each(options.dnsSearch, parseSearch),
    options: each(options.dnsOption, parseOption),
    hosts: each(options.addHost, parseHost).flat(),
  };
}

function parseServer(word: string): Address {
  const address = parseAddress(word);
  if (address !== undefined) return address;
  throw new SpecError([`--dns ${word}: not an address; one such as 192.0.2.53 is`]);
}

/** `.` alone: none of the host's. */
function parseSearch(word: string): string {
  if (word === '.' || hostName.test(word)) return word;
  throw new SpecError([
    `--dns-search ${word}: not a domain; one such as example.org is, or . for none`,
  ]);
}

function parseOption(word: string): string {
  if (/^[a-z0-9-]+(:[0-9]+)?$/.test(word)) return word;
  throw new SpecError([`--dns-option ${word}: not an option of resolv.conf(5), such as ndots:2`]);
}

/** Several names may stand for an address. */
function parseHost(word: string): { name: string; address: Address }[] {
  const colon = word.indexOf(':');
  const [names, text] = [word.slice(0, colon).split(';'), word.slice(colon + 1)];
  const address = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  if (colon > 0 && address !== undefined && names.every((name) => hostName.test(name)))
    return names.map((name) => ({ name, address }));
  throw new SpecError([
    `--add-host ${word}: not of the form NAME:ADDRESS, such as db:192.0.2.7${text === 'host-gateway' ? ' (host-gateway: the box finds the host as host.containers.internal)' : ''}`,
  ]);
}
