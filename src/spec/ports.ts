/** `--publish [[IP:][HOST]:]BOX[/tcp|udp]`, each of the ports one or a range: podman-run(1). */
import { type Address, parseAddress, printAddress } from './addresses.ts';
import { SpecError } from './errors.ts';
import type { PublishedPort } from './network.ts';

/** @throws SpecError */
export function parsePublish(value: string): PublishedPort[] {
  const refuse = (why: string): SpecError => new SpecError([`--publish ${value}: ${why}`]);
  const [, bracketed, plain, host, box = '', protocol = 'tcp'] =
    /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(?:([0-9-]*):)?([0-9-]+)(?:\/([a-z]+))?$/.exec(value) ?? [];
  // `8080:80`: the only word in front is a port, unless it has dots.
  const [address, port] =
    host === undefined && bracketed === undefined ? [undefined, plain] : [bracketed ?? plain, host];
  if (box === '') throw refuse('not of the form [IP:]HOST:BOX[/udp], such as 8080:80');
  if (protocol !== 'tcp' && protocol !== 'udp')
    throw refuse(`${protocol} is no protocol whose ports can be published: tcp and udp are`);
  if (port === undefined || port === '')
    throw refuse('a port of the host must be given, as in 8080:80: tsbox chooses none');
  const [from, to] = [rangeOf(port), rangeOf(box)];
  if (from === undefined || to === undefined)
    throw refuse('ports are numbers from 1 to 65535, or ranges such as 8000-8010');
  if (from.length !== to.length) throw refuse('both ranges must have as many ports');
  const at = addressOf(address, refuse);
  return from.map((number, index) => ({
    protocol,
    ...(at === undefined ? {} : { address: at }),
    host: number,
    box: to[index] ?? number,
  }));
}

/** As it is written. */
export function printPort({ protocol, address, host, box }: PublishedPort): string {
  const text = address === undefined ? undefined : printAddress(address);
  const at = text?.includes(':') ? `[${text}]:` : text === undefined ? '' : `${text}:`;
  return `${at}${host}:${box}/${protocol}`;
}

/** More would be more sockets than a process usually may have open. */
const MOST = 512;

function rangeOf(text: string): number[] | undefined {
  const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === '' || from < 1 || to < from || to > 65535 || to - from >= MOST) return undefined;
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function addressOf(
  text: string | undefined,
  refuse: (why: string) => SpecError,
): Address | undefined {
  if (text === undefined || text === '') return undefined;
  const address = parseAddress(text);
  if (address === undefined) throw refuse(`${text} is no address of the host's`);
  const everywhere = address.value === 0n && address.family === 4;
  if (address.family === 6 && address.value <= 1n)
    throw refuse(
      address.value === 1n
        ? 'packets to ::1 cannot be led elsewhere (the kernel routes none): use 127.0.0.1'
        : 'leave the address out for all of the host',
    );
  return everywhere ? undefined : address;
}
