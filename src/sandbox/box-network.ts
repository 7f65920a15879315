/** What a box needs of networks before its process is made; undone by {@link leaveNetwork}. */
import { existsSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../linux/make-directory.ts';
import type { Box, BoxNetwork } from '../spec/box.ts';
import type { Attachment, NetworkChoice } from '../spec/network.ts';
import { LOOPBACK_ALONE, withoutNetwork } from '../spec/network-request.ts';
import { BoxError } from './errors.ts';
import { type Resolvers, writeNames, writeResolver } from './names.ts';
import {
  locked,
  type Member,
  memberDirectory,
  networksDirectory,
  writeMember,
} from './network-state.ts';
import { type InterfaceEnd, joinNetwork, leaveNetwork } from './networks.ts';
import { checkPorts } from './published-ports.ts';
import { Refused } from './refusal.ts';
import type { BoxState } from './state.ts';

type State = Pick<BoxState, 'id' | 'claim'>;
type Named = Pick<Box['spec'], 'hostname'>;

/** What is done on the way. */
export interface Entrance {
  /** Told why a box gets no network that nobody asked for. */
  readonly say: (message: string) => void;
  /** Gives the box an interface there, where that is not for its own plan to do. @returns the same with what came of it. */
  readonly attach?: (given: BoxNetwork) => Promise<BoxNetwork>;
}

/**
 * @param boxes the state directory of boxes.
 * @returns the same with what the box was given.
 * @throws BoxError
 */
export async function enterNetwork(
  boxes: string,
  state: State,
  asked: BoxNetwork,
  spec: Named,
  { say, attach = async (given) => given }: Entrance,
): Promise<BoxNetwork> {
  try {
    return await attach(await enterAsked(boxes, state, asked, spec));
  } catch (error) {
    if (asked.preferred !== true) throw error;
    await endNetwork(boxes, state.id, 'removed');
    const why = error instanceof Refused ? error.told.failed : (error as Error).message;
    say(`${LOOPBACK_ALONE}: ${why}`);
    return enterAsked(boxes, state, withoutNetwork(asked), spec);
  }
}

async function enterAsked(
  boxes: string,
  state: State,
  asked: BoxNetwork,
  { hostname }: Named,
): Promise<BoxNetwork> {
  const { names, choice, ports } = asked;
  if (names === undefined) return asked;
  if (choice.kind === 'bridge' && process.geteuid?.() !== 0)
    throw new BoxError(
      '--network: the kernel lets nobody but root make a bridge on the host: run tsbox as root, or use --network=pasta, or none',
    );
  const directory = networksDirectory(boxes);
  if (choice.kind === 'box') {
    await shareNames(directory, state.id, choice.id);
    const own: BoxNetwork = { ...asked, choice: { ...choice, id: state.id } };
    return { ...asked, files: filesOf(own, directory, state.id) };
  }
  const member: Member = { id: state.id, hostname: hostname ?? state.id, hosts: names.hosts };
  if (choice.kind === 'pasta') checkPorts(ports);
  const network = choice.kind === 'bridge' ? choice.network : undefined;
  const attachment =
    network === undefined
      ? undefined
      : await joinNetwork(directory, state, { network, ports, member });
  if (attachment === undefined) {
    writeMember(directory, member);
    writeNames(directory, member, []);
  }
  if (hasResolver(asked)) writeResolver(directory, state.id, names, resolvers(choice, attachment));
  return {
    ...asked,
    ...(attachment === undefined ? {} : { attachment }),
    files: filesOf(asked, directory, state.id),
  };
}

/** The host's own are no resolvers for a namespace in which its loopback addresses are not. */
function resolvers(choice: NetworkChoice, attachment: Attachment | undefined): Resolvers {
  if (attachment !== undefined) return { kind: 'network', network: attachment.network };
  if (choice.kind === 'pasta') return { kind: 'apart' };
  return choice.kind === 'namespace' ? { kind: 'namespace', path: choice.path } : { kind: 'host' };
}

/** A box that can ask nobody keeps the image's. */
function hasResolver({ choice }: BoxNetwork): boolean {
  return choice.kind !== 'none';
}

/**
 * The very files of the other box, by a second name each: what changes of them changes for both, and
 * they stay when that one ends first. One that has none keeps the image's, and so does this.
 */
async function shareNames(directory: string, id: string, other: string): Promise<void> {
  await locked(directory, async () => {
    makeDirectory(memberDirectory(directory, id));
    for (const name of nameFiles) {
      const [from, to] = [other, id].map((each) => join(memberDirectory(directory, each), name));
      if (from !== undefined && to !== undefined && existsSync(from)) linkSync(from, to);
    }
  });
}

const nameFiles: readonly string[] = ['hosts', 'resolv.conf'];

/** What it sees in place of the image's. */
export function filesOf(
  asked: BoxNetwork,
  directory: string,
  id: string,
): NonNullable<BoxNetwork['files']> {
  const { choice } = asked;
  const names = hasResolver(asked) ? nameFiles : ['hosts'];
  const isThere = (name: string) =>
    choice.kind !== 'box' || existsSync(join(memberDirectory(directory, choice.id), name));
  return names.filter(isThere).map((name) => ({
    source: join(memberDirectory(directory, id), name),
    destination: `/etc/${name}`,
  }));
}

/** Takes off a box, a killed one, too. @throws BoxError */
export function endNetwork(boxes: string, id: string, end: InterfaceEnd): Promise<void> {
  return leaveNetwork(networksDirectory(boxes), id, end);
}
