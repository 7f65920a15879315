/**
 * Puts boxes on networks and takes them off again. The first box of a network brings its bridge about,
 * the last one has it removed; in between, whatever depends on who is there is made anew from the
 * records of those who are.
 */
import { closeSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { findLink, linkMtu, readRoutes, removeLink, silenceLink } from '../linux/netlink.ts';
import { randomHex } from '../linux/random.ts';
import type { HostAction } from '../plan/action.ts';
import {
  addPorts,
  FORWARDING,
  makeBridge,
  removeBridge,
  setForwarding,
  setPorts,
  setTable,
} from '../plan/bridge.ts';
import { hostInterface } from '../plan/network.ts';
import { conflicts, freeSubnet } from '../plan/subnets.ts';
import { type Address, addressIn, printSubnet, type Subnet, sizeOf } from '../spec/addresses.ts';
import { type Attachment, GATEWAY, type Network, type PublishedPort } from '../spec/network.ts';
import { carryOut } from './actions.ts';
import { BoxError } from './errors.ts';
import { writeNames } from './names.ts';
import {
  type ActiveNetwork,
  locked,
  type Member,
  readActive,
  readMember,
  readMembers,
  removeActive,
  removeMember,
  switchedFile,
  writeActive,
  writeMember,
} from './network-state.ts';
import { reservePorts } from './published-ports.ts';
import { Refused } from './refusal.ts';
import type { BoxState } from './state.ts';

/** What a box asks for when it joins. */
export interface Joining {
  readonly network: Network;
  readonly ports: readonly PublishedPort[];
  readonly member: Member;
}

/**
 * Gives a box its place on a network, which is its own until {@link leaveNetwork}.
 * @param directory that of networksDirectory().
 * @throws BoxError; what was done is undone by leaveNetwork.
 */
export async function joinNetwork(
  directory: string,
  state: Pick<BoxState, 'id' | 'claim'>,
  { network: wanted, ports, member }: Joining,
): Promise<Attachment> {
  const families = wanted.subnets.some(({ family }) => family === 6)
    ? ([4, 6] as const)
    : ([4] as const);
  reserved.set(state.id, reservePorts(ports, families));
  return locked(directory, async () => {
    const active = readActive(directory);
    const there = active.find(({ name }) => name === wanted.name);
    const network = there ?? activate(wanted, active);
    const made = findLink(network.bridge) === undefined;
    if (there === undefined && !made) throw strange(network);
    const addresses = claimAddresses(state, network);
    const attachment = { network, addresses, mtu: network.mtu, ports };
    // Known before anything is made: whoever finds this box abandoned removes it.
    writeMember(directory, { ...member, attachment });
    if (there === undefined) writeActive(directory, network);
    if (made) await carryOut(makeBridge(network, network.mtu, hardwareAddress()));
    const members = membersOf(readMembers(directory), network);
    const forward = needsForwarding(network);
    if (forward) writeFileSync(switchedFile(directory), '');
    try {
      if (made || forward) await renewTable(directory, network, members);
      else if (ports.length > 0)
        await changePorts(addPorts(network, attachment), directory, network, members);
    } catch (error) {
      // Where there can be no table, none could be removed later.
      if (made) abandon(directory, network);
      throw error;
    }
    // By then the table lets through what is tsbox's, and nothing else.
    if (forward) await carryOut([setForwarding(true)]);
    for (const each of members) writeNames(directory, each, members);
    return attachment;
  });
}

/** What becomes of the interface of a box on the host. */
export type InterfaceEnd =
  /** It goes with the box's network namespace: the kernel removes it soon after its last process has ended. */
  | 'by itself'
  /** It may be that somebody keeps the namespace, or that the box has none. */
  | 'removed';

/** Takes a box off its network; one that is on none is no error. @throws BoxError */
export async function leaveNetwork(
  directory: string,
  id: string,
  end: InterfaceEnd,
): Promise<void> {
  await locked(directory, async () => {
    const gone = readMember(directory, id);
    // Who was refused the right to make it would be refused the right to remove it.
    const link = hostInterface(id);
    if (gone?.attachment !== undefined && findLink(link) !== undefined) {
      // Its address is free from now on, and its namespace may still answer.
      if (end === 'by itself') silenceLink(link);
      else removeLink(link);
    }
    removeMember(directory, id);
    const [active, members] = [readActive(directory), readMembers(directory)];
    await stopForwarding(directory, active, members);
    for (const network of active)
      await settle(directory, network, membersOf(members, network), gone);
  });
  for (const socket of reserved.get(id) ?? []) closeSync(socket);
  reserved.delete(id);
}

/** A network whose table was not made. */
function abandon(directory: string, { name, bridge }: Network): void {
  removeLink(bridge);
  removeActive(directory, name);
}

/** Sockets that keep the published ports of this process's boxes, by their ids. */
const reserved = new Map<string, readonly number[]>();

/** A network that lost a box is removed with its last one. */
async function settle(
  directory: string,
  network: ActiveNetwork,
  others: readonly Member[],
  gone: Member | undefined,
): Promise<void> {
  if (others.length === 0) {
    // Its bridge may be gone with the network namespace that it was in.
    if (findLink(network.bridge) !== undefined) await carryOut(removeBridge(network));
    removeActive(directory, network.name);
    return;
  }
  if (gone?.attachment?.network.name !== network.name) return;
  if (gone.attachment.ports.length > 0)
    await changePorts(setPorts(network, placesOf(others)), directory, network, others);
  for (const other of others) writeNames(directory, other, others);
}

/** By their addresses: who comes last is mostly the last, and lines of others stay where they are. */
export function membersOf(members: readonly Member[], { name }: Pick<Network, 'name'>): Member[] {
  return members
    .filter(({ attachment }) => attachment?.network.name === name)
    .toSorted((one, other) => (firstOf(one) < firstOf(other) ? -1 : 1));
}

function firstOf({ attachment }: Member): bigint {
  return attachment?.addresses[0]?.value ?? 0n;
}

async function renewTable(
  directory: string,
  network: Network,
  members: readonly Member[],
): Promise<void> {
  const alone = existsSync(switchedFile(directory));
  await carryOut([setTable(network, placesOf(members), alone)]);
}

/** Where the table is not as tsbox left it, it is made anew. */
async function changePorts(
  change: HostAction,
  directory: string,
  network: Network,
  members: readonly Member[],
): Promise<void> {
  try {
    await carryOut([change]);
  } catch (error) {
    const strange = [errnoNumber('ENOENT'), errnoNumber('EEXIST')];
    if (!(error instanceof Refused) || !strange.includes(error.refusal.errno)) throw error;
    await renewTable(directory, network, members);
  }
}

function placesOf(members: readonly Member[]): Attachment[] {
  return members.flatMap(({ attachment }) => attachment ?? []);
}

/** Whether it has to be switched on for it. */
export function needsForwarding({ internal }: Network): boolean {
  return !internal && readFileSync(FORWARDING, 'utf8').trim() === '0';
}

/** Unless a network that stays needs it, or it was on before. */
async function stopForwarding(
  directory: string,
  active: readonly ActiveNetwork[],
  members: readonly Member[],
): Promise<void> {
  if (!existsSync(switchedFile(directory))) return;
  const needs = (network: ActiveNetwork) =>
    !network.internal && membersOf(members, network).length > 0;
  if (active.some(needs)) return;
  await carryOut([setForwarding(false)]);
  rmSync(switchedFile(directory), { force: true });
}

/** @throws BoxError where its subnets lead elsewhere already. */
function activate(network: Network, active: readonly ActiveNetwork[]): ActiveNetwork {
  const routes = [...readRoutes(4), ...readRoutes(6)];
  const known = [...routes.map(({ to }) => to), ...active.flatMap(({ subnets }) => subnets)];
  const mtu = network.mtu ?? mtuOfDefault() ?? 1500;
  if (network.subnets.length === 0) {
    const free = freeSubnet(
      'default',
      known.filter(({ length }) => length > 0),
    );
    if (free === undefined)
      throw new BoxError(
        `the network ${network.name} gets no addresses: the host has routes to all of 10.90.0.0/16: make one with \`tsbox network create --subnet\``,
      );
    return { ...network, mtu, subnets: [free] };
  }
  refuseConflicts(network, known);
  return { ...network, mtu };
}

/** @throws BoxError */
export function refuseConflicts({ name, subnets }: Network, known: readonly Subnet[]): void {
  const [other] = conflicts(subnets, known);
  if (other !== undefined)
    throw new BoxError(
      `the network ${name} has ${subnets.map(printSubnet).join(' and ')}, and the host has a route to ${printSubnet(other)} already: what is there could not be reached any more: choose another --subnet`,
    );
}

/** Of a tsbox whose state was lost, or somebody else's. */
function strange({ name, bridge }: Network): BoxError {
  return new BoxError(
    `the network ${name} cannot be set up: the host has an interface ${bridge}, and no box of this tsbox is on it: if nobody needs it, \`ip link delete ${bridge}\` removes it`,
  );
}

/** That of the interface through which the host's packets leave it. */
function mtuOfDefault(): number | undefined {
  const link = readRoutes(4).find(({ to }) => to.length === 0)?.link;
  return link === undefined ? undefined : linkMtu(link);
}

/** The same number in each subnet, from 2 on. @throws BoxError when all are other boxes'. */
function claimAddresses(state: Pick<BoxState, 'claim'>, { name, subnets }: Network): Address[] {
  const [first] = subnets;
  if (first === undefined) return [];
  // The last address of version 4 is the broadcast address.
  const end = sizeOf(first) - 1n;
  for (let number = GATEWAY + 1n; number < end; number++) {
    if (state.claim(`address-${first.first + number}`))
      return subnets.map((subnet) => addressIn(subnet, number));
  }
  throw new BoxError(
    `the network ${name} has no address left: all ${end - GATEWAY - 1n} are those of running boxes: end one, or create a network with a larger --subnet`,
  );
}

/** Locally administered, of one interface. */
function hardwareAddress(): Uint8Array {
  const bytes = Buffer.from(randomHex(6), 'hex');
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return bytes;
}
