/** `--network MODE`: podman-run(1). */
import { SpecError } from './errors.ts';
import {
  defaultNetwork,
  type Network,
  type NetworkChoice,
  type Pasta,
  type UsualNetwork,
} from './network.ts';
import type { OtherBox } from './outside.ts';

/** What networks are called, and boxes. */
export const networkName = /^[a-z0-9][a-z0-9_.-]{0,62}$/i;

/** Words that could be taken for networks. */
export const modes: readonly string[] = [
  'none',
  'host',
  'bridge',
  'private',
  'ns',
  'container',
  'pasta',
];

/** What podman has and tsbox has not. */
const others: Readonly<Record<string, string>> = {
  slirp4netns: 'not something that tsbox has',
  default: 'not something that tsbox has',
};

/**
 * @param value of the flag; `private` without one.
 * @param usual what `private` means for the caller.
 * @param find looks a network up by its name.
 * @param findBox looks a running box up by its id.
 * @param findPasta looks whether the caller, who has no root, can have it.
 * @throws SpecError
 */
export function parseNetwork(
  value: string | undefined,
  usual: UsualNetwork,
  find: (name: string) => Network | undefined,
  findBox: (what: string, id: string) => OtherBox,
  findPasta: () => Pasta,
): NetworkChoice {
  const [word = '', ...rest] = (value ?? 'private').split(':');
  const argument = rest.join(':');
  const refuse = (why: string): SpecError => new SpecError([`--network ${value}: ${why}`]);
  if (rest.length > 0 && !['ns', 'container'].includes(word))
    throw refuse('options behind a network are not carried out: give the name alone');
  const bridge = (name: string): NetworkChoice => {
    const network = find(name);
    if (network !== undefined) return { kind: 'bridge', network };
    throw refuse(
      `no network is called so: \`tsbox network create ${name}\` makes it, \`tsbox network ls\` lists those there are`,
    );
  };
  switch (word) {
    case 'none':
      return { kind: 'none' };
    case 'private':
      return usualChoice(usual, findPasta);
    case 'host':
      return { kind: 'host' };
    case 'bridge':
      return { kind: 'bridge', network: defaultNetwork };
    case 'pasta':
      return choosePasta(findPasta(), refuse);
    case 'ns':
      if (argument.startsWith('/')) return { kind: 'namespace', path: argument };
      throw refuse(
        'ns: needs the absolute path of a network namespace, such as ns:/run/netns/blue',
      );
    case 'container':
      if (/^[0-9a-f]{4,64}$/.test(argument))
        return networkOf(findBox(`--network ${value}`, argument));
      throw refuse('container: needs the id of a running box, or its first digits');
    default:
      break;
  }
  const other = Object.hasOwn(others, word) ? others[word] : undefined;
  if (other !== undefined)
    throw refuse(
      `${other}: none, host, bridge, private, pasta, ns:PATH, container:ID and names of networks are`,
    );
  if (networkName.test(word)) return bridge(word);
  throw refuse(
    'not a network: none, host, bridge, private, pasta, ns:PATH, container:ID and names of networks (letters, digits, _ . -) are',
  );
}

function usualChoice(usual: UsualNetwork, findPasta: () => Pasta): NetworkChoice {
  if (usual === 'bridge') return { kind: 'bridge', network: defaultNetwork };
  const pasta = usual === 'pasta' ? findPasta() : undefined;
  if (pasta === undefined) return { kind: 'none' };
  return 'program' in pasta
    ? { kind: 'pasta', program: pasta.program }
    : { kind: 'none', lacks: `${pasta.lacks}: ${pasta.mend}` };
}

function choosePasta(pasta: Pasta, refuse: (why: string) => SpecError): NetworkChoice {
  if ('program' in pasta) return { kind: 'pasta', program: pasta.program };
  throw refuse(`${pasta.lacks}: ${pasta.mend}, or use --network=none`);
}

function networkOf(box: OtherBox): NetworkChoice {
  return { kind: 'box', id: box.id, path: box.namespace('network') };
}
