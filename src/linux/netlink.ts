/** Talks to the kernel about interfaces, addresses and routes: netlink(7), rtnetlink(7). */
import { closeSync, readSync, writeSync } from 'node:fs';
import * as abi from '../abi/netlink.ts';
import { deleteLink, getLink, getRoutes } from '../plan/links.ts';
import { encodeMessage, type Known, MESSAGE_HEADER, type Message } from '../plan/netlink.ts';
import { addressFromBytes, type Family, type Subnet } from '../spec/addresses.ts';
import { SyscallError, syscall } from './native.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
/** What the kernel sends at once, netlink(7). */
const BUFFER = 32768;

/**
 * Sends messages one after the other, in the network namespace of this thread.
 * @throws SyscallError named as the message that was refused; those before it have been carried out.
 */
export function sendMessages(messages: readonly Message[], pid?: number): void {
  withSocket((socket) => {
    for (const message of messages) ask(socket, message, pid);
  });
}

/** One that is there no more, or never was, is no error. */
export function removeLink(name: string): void {
  try {
    sendMessages([deleteLink(name)]);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** An interface, as far as tsbox asks. */
export interface LinkFacts {
  readonly index: number;
  readonly mtu: number;
}

/** @param name or number. @returns undefined where there is none. */
export function findLink(name: string | number): LinkFacts | undefined {
  return withSocket((socket) => linkOf(socket, name));
}

export interface RouteFacts {
  /** Where it leads; 0.0.0.0/0 or ::/0 for a default route. */
  readonly to: Subnet;
  /** Number of the interface. */
  readonly link: number | undefined;
}

/** Those of the host's main table, which leave out its own addresses. */
export function readRoutes(family: Family): RouteFacts[] {
  const { RT_TABLE_MAIN } = abi.routeTables;
  return withSocket((socket) => ask(socket, getRoutes(family), undefined)).flatMap((answer) => {
    const [length = 0, table] = [answer[1], answer[4]];
    if (table !== RT_TABLE_MAIN) return [];
    const attributes = readAttributes(answer, 12);
    const bytes = attributes.get(abi.routeAttributes.RTA_DST);
    const first = bytes === undefined ? 0n : addressFromBytes(bytes).value;
    const link = attributes.get(abi.routeAttributes.RTA_OIF)?.readUInt32LE(0);
    return [{ to: { family, first, length }, link }];
  });
}

function isMissing(error: unknown): boolean {
  const ENODEV = 19;
  return error instanceof SyscallError && error.errno === ENODEV;
}

/** @param family for netlink(7). @throws SyscallError where the kernel lacks it. */
export function withSocket<T>(
  use: (socket: number) => T,
  family: keyof typeof abi.netlinkFamilies = 'NETLINK_ROUTE',
): T {
  const protocol = abi.netlinkFamilies[family];
  const socket = syscall('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  try {
    return use(socket);
  } finally {
    closeSync(socket);
  }
}

function linkOf(socket: number, name: string | number): LinkFacts | undefined {
  try {
    const [answer] = ask(socket, getLink(name), undefined);
    if (answer === undefined) return undefined;
    const mtu = readAttributes(answer, 16).get(abi.linkAttributes.IFLA_MTU)?.readUInt32LE(0) ?? 0;
    return { index: answer.readUInt32LE(4), mtu };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** @returns the bodies of the answers. */
function ask(socket: number, message: Message, pid: number | undefined): Buffer[] {
  const known: Known = {
    pid,
    indexOf: (name) => {
      const ENODEV = 19;
      const found = linkOf(socket, name);
      if (found === undefined) throw new SyscallError(`${message.type} ${name}`, ENODEV);
      return found.index;
    },
  };
  writeSync(socket, encodeMessage(message, 1, known));
  return answers(socket, message);
}

/** Until the last of them, which is an acknowledgement or, without one, the only one. */
function answers(socket: number, { type, flags }: Message): Buffer[] {
  const found: Buffer[] = [];
  const several = flags.includes('NLM_F_DUMP') || flags.includes('NLM_F_ACK');
  for (;;) {
    const buffer = Buffer.alloc(BUFFER);
    const size = readSync(socket, buffer);
    for (let at = 0; at + MESSAGE_HEADER <= size; ) {
      const length = buffer.readUInt32LE(at);
      const kind = buffer.readUInt16LE(at + 4);
      const body = buffer.subarray(at + MESSAGE_HEADER, at + length);
      at += (length + 3) & ~3;
      if (kind === abi.messageTypes.NLMSG_DONE) return found;
      if (kind === abi.messageTypes.NLMSG_ERROR) {
        const errno = -body.readInt32LE(0);
        if (errno !== 0) throw new SyscallError(type, errno);
        return found;
      }
      found.push(body);
      if (!several) return found;
    }
  }
}

/** By their numbers. @param start behind the message's own structure. */
function readAttributes(body: Buffer, start: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = start; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4) break;
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}
