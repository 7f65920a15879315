/** What a box needs of networks before its process is made; undone by {@link leaveNetwork}. */
import { join } from 'node:path';
import type { Box, BoxNetwork } from '../spec/box.ts';
import { BoxError } from './errors.ts';
import { writeNames, writeResolver } from './names.ts';
import { type Member, memberDirectory, networksDirectory, writeMember } from './network-state.ts';
import { joinNetwork, leaveNetwork } from './networks.ts';
import type { BoxState } from './state.ts';

/**
 * @param boxes the state directory of boxes.
 * @returns the same with what the box was given.
 * @throws BoxError
 */
export async function enterNetwork(
  boxes: string,
  state: Pick<BoxState, 'id' | 'claim'>,
  asked: BoxNetwork,
  { hostname }: Pick<Box['spec'], 'hostname'>,
): Promise<BoxNetwork> {
  const { names, choice, ports } = asked;
  if (names === undefined) return asked;
  if (choice.kind === 'bridge' && process.geteuid?.() !== 0)
    throw new BoxError(
      '--network: the kernel lets nobody but root make a bridge on the host: run tsbox as root, or use --network=none or host',
    );
  const directory = networksDirectory(boxes);
  const member: Member = { id: state.id, hostname: hostname ?? state.id, hosts: names.hosts };
  const network = choice.kind === 'bridge' ? choice.network : undefined;
  const attachment =
    network === undefined
      ? undefined
      : await joinNetwork(directory, state, { network, ports, member });
  if (attachment === undefined) {
    writeMember(directory, member);
    writeNames(directory, member, []);
  }
  if (hasResolver(asked)) writeResolver(directory, state.id, names, attachment?.network);
  return {
    ...asked,
    ...(attachment === undefined ? {} : { attachment }),
    files: filesOf(asked, directory, state.id),
  };
}

/** A box that can ask nobody keeps the image's. */
function hasResolver({ choice }: BoxNetwork): boolean {
  return choice.kind !== 'none';
}

/** What it sees in place of the image's. */
export function filesOf(
  asked: BoxNetwork,
  directory: string,
  id: string,
): NonNullable<BoxNetwork['files']> {
  const names = hasResolver(asked) ? ['hosts', 'resolv.conf'] : ['hosts'];
  return names.map((name) => ({
    source: join(memberDirectory(directory, id), name),
    destination: `/etc/${name}`,
  }));
}

/** Takes off a box, a killed one, too. @throws BoxError */
export function endNetwork(boxes: string, id: string): Promise<void> {
  return leaveNetwork(networksDirectory(boxes), id);
}
