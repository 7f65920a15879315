/**
 * What networks leave on the host while boxes are on them, below tsbox's runtime directory, which is
 * locked while they change: a file for each network that has its bridge, and a directory for each box
 * with its place and the files of names that it sees. It is gone after a reboot, as bridges are.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { tryLock } from '../linux/lock.ts';
import { makeDirectory } from '../linux/make-directory.ts';
import { readSubnets, writeSubnets } from '../plan/subnets.ts';
import { parseAddress, printAddress } from '../spec/addresses.ts';
import type { Attachment, Names, Network } from '../spec/network.ts';
import { parsePublish, printPort } from '../spec/ports.ts';
import { BoxError } from './errors.ts';

/** A box on a network, or one that has files of names only. */
export interface Member {
  readonly id: string;
  readonly attachment?: Attachment;
  /** Its host name. */
  readonly hostname: string;
  /** What its /etc/hosts has beside its neighbours; absent where it keeps the image's. */
  readonly hosts?: Names['hosts'];
}

/** @param boxes the state directory of boxes. */
export function networksDirectory(boxes: string): string {
  return join(dirname(boxes), 'networks');
}

export function memberDirectory(directory: string, id: string): string {
  return join(directory, 'boxes', id);
}

/** Milliseconds; each change takes a few tens. */
const PATIENCE = 30_000;

/** Does what must not happen twice at once. @throws BoxError when others do not come to an end. */
export async function locked<T>(directory: string, change: () => Promise<T>): Promise<T> {
  makeDirectory(directory);
  const fd = openSync(directory, constants.O_DIRECTORY);
  try {
    const end = Date.now() + PATIENCE;
    while (!tryLock(fd)) {
      if (Date.now() > end)
        throw new BoxError(
          `${directory} has been locked for ${PATIENCE / 1000} seconds: another tsbox is changing networks and does not go on: end it`,
        );
      await setTimeout(2);
    }
    return await change();
  } finally {
    closeSync(fd);
  }
}

export function writeMember(directory: string, member: Member): void {
  const { attachment, ...others } = member;
  const place =
    attachment === undefined
      ? {}
      : {
          network: networkRecord(attachment.network),
          addresses: attachment.addresses.map(printAddress),
          mtu: attachment.mtu,
          ports: attachment.ports.map(printPort),
        };
  const hosts = member.hosts?.map(({ name, address }) => [name, printAddress(address)]);
  const own = memberDirectory(directory, member.id);
  makeDirectory(own);
  writeFileSync(join(own, 'network.json'), JSON.stringify({ ...others, hosts, ...place }));
}

/** In the order of their ids. One that has not come to write its record is passed over. */
export function readMembers(directory: string): Member[] {
  return namesIn(join(directory, 'boxes')).flatMap((id) => readMember(directory, id) ?? []);
}

interface MemberRecord {
  readonly hostname: string;
  readonly hosts?: readonly (readonly [name: string, address: string])[];
  readonly network?: NetworkRecord;
  readonly addresses?: readonly string[];
  readonly mtu?: number;
  readonly ports?: readonly string[];
}

export function readMember(directory: string, id: string): Member | undefined {
  const record = readRecord<MemberRecord>(join(memberDirectory(directory, id), 'network.json'));
  if (record === undefined) return undefined;
  const { hostname, hosts, network, addresses = [], mtu = 0, ports = [] } = record;
  return {
    id,
    hostname,
    ...(hosts === undefined
      ? {}
      : {
          hosts: hosts.flatMap(([name, word]) => {
            const address = parseAddress(word);
            return address === undefined ? [] : [{ name, address }];
          }),
        }),
    ...(network === undefined
      ? {}
      : {
          attachment: {
            network: fromRecord(network),
            addresses: addresses.flatMap((word) => parseAddress(word) ?? []),
            mtu,
            ports: ports.flatMap(parsePublish),
          },
        }),
  };
}

export function removeMember(directory: string, id: string): void {
  const own = memberDirectory(directory, id);
  if (!existsSync(own)) return;
  for (const name of readdirSync(own)) unlinkSync(join(own, name));
  rmdirSync(own);
}

/** A network that has its bridge, with the subnets that it was given. */
export interface ActiveNetwork extends Network {
  readonly mtu: number;
}

const activeFile = (directory: string, name: string) => join(directory, 'active', `${name}.json`);

export function readActive(directory: string): ActiveNetwork[] {
  return namesIn(join(directory, 'active')).flatMap((file) => {
    const record = readRecord<NetworkRecord>(join(directory, 'active', file));
    return record?.mtu === undefined ? [] : [{ ...fromRecord(record), mtu: record.mtu }];
  });
}

export function writeActive(directory: string, network: ActiveNetwork): void {
  makeDirectory(join(directory, 'active'));
  writeFileSync(activeFile(directory, network.name), JSON.stringify(networkRecord(network)));
}

export function removeActive(directory: string, name: string): void {
  rmSync(activeFile(directory, name), { force: true });
}

/** There while the host forwards packets because tsbox had it do so. */
export const switchedFile = (directory: string) => join(directory, 'forwarding');

/** How a network is kept in a file. */
export interface NetworkRecord extends Omit<Network, 'subnets'> {
  readonly subnets: readonly string[];
}

export function networkRecord(network: Network): NetworkRecord {
  return { ...network, subnets: writeSubnets(network.subnets) };
}

export function fromRecord(record: NetworkRecord): Network {
  return { ...record, subnets: readSubnets(record.subnets) };
}

/** Changes what is in a file that boxes see, whose mounts are of this very file. */
export function writeInPlace(path: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o644);
  try {
    fchmodSync(fd, 0o644);
    // Not emptied first: who reads it meanwhile finds the lines that stay.
    writeFileSync(fd, text);
    ftruncateSync(fd, Buffer.byteLength(text));
  } finally {
    closeSync(fd);
  }
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).toSorted() : [];
}

/** Written by tsbox alone; one whose writing was cut short by its end says nothing. */
function readRecord<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
