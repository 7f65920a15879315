/** Talks to the kernel about interfaces, addresses and routes: netlink(7), rtnetlink(7). */
import { closeSync, readSync, writeSync } from 'node:fs';
import { errnoNumber } from '../abi/errno.ts';
import { ioctlRequests } from '../abi/flags.ts';
import * as abi from '../abi/netlink.ts';
import {
  deleteLink,
  type FormerAddress,
  getAddresses,
  getLink,
  getRoutes,
  silencePort,
} from '../plan/links.ts';
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

/** One that is there no more, or never was, is no error. The kernel takes some 20 ms. */
export function removeLink(name: string): void {
  unlessMissing(deleteLink(name));
}

/** Has a bridge pass on nothing of one of its ports; one that is there no more is no error. */
export function silenceLink(name: string): void {
  unlessMissing(silencePort(name));
}

function unlessMissing(message: Message): void {
  try {
    sendMessages([message]);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** @returns the number of the interface, undefined where there is none. */
export function findLink(name: string): number | undefined {
  return withSocket((socket) => indexOf(socket, name));
}

/** @param index of an interface. @returns the most bytes of a packet. @throws SyscallError */
export function linkMtu(index: number): number | undefined {
  const [answer] = withSocket((socket) => ask(socket, getLink(index), undefined));
  if (answer === undefined) return undefined;
  return readAttributes(answer, 16).get(abi.linkAttributes.IFLA_MTU)?.readUInt32LE(0);
}

/** @param index of an interface. @throws SyscallError */
export function isLinkUp(index: number): boolean {
  const [answer] = withSocket((socket) => ask(socket, getLink(index), undefined));
  // struct ifinfomsg
  return ((answer?.readUInt32LE(8) ?? 0) & abi.interfaceFlags.IFF_UP) !== 0;
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

const ENODEV = errnoNumber('ENODEV');

function isMissing(error: unknown): boolean {
  return error instanceof SyscallError && error.errno === ENODEV;
}

/** @throws SyscallError where the kernel lacks the family. */
export function openSocket(family: keyof typeof abi.netlinkFamilies): number {
  return syscall('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, abi.netlinkFamilies[family]);
}

function withSocket<T>(use: (socket: number) => T): T {
  const socket = openSocket('NETLINK_ROUTE');
  try {
    return use(socket);
  } finally {
    closeSync(socket);
  }
}

/** `struct ifreq`, netdevice(7): the name, and where the answer is. */
const REQUEST_SIZE = 40;
const ANSWER = 16;

/** By ioctl(2) on any socket: unlike a message it does not wait while others change interfaces. */
function indexOf(socket: number, name: string): number | undefined {
  const request = Buffer.alloc(REQUEST_SIZE);
  request.write(name);
  try {
    syscall('ioctl', socket, ioctlRequests.SIOCGIFINDEX, request);
    return request.readInt32LE(ANSWER);
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
      const found = indexOf(socket, name);
      if (found === undefined) throw new SyscallError(`${message.type} ${name}`, ENODEV);
      return found;
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

/** Those of an interface that it has for good, and for everywhere. */
export function readAddresses(index: number): FormerAddress[] {
  const { IFA_F_PERMANENT } = abi.addressFlags;
  const kept = Object.entries(abi.addressAttributes) as [
    keyof typeof abi.addressAttributes,
    number,
  ][];
  return withSocket((socket) => ask(socket, getAddresses(), undefined)).flatMap((answer) => {
    // struct ifaddrmsg
    const [family = 0, length = 0, flags = 0, scope = 0] = answer;
    if (answer.readUInt32LE(4) !== index || scope !== 0 || (flags & IFA_F_PERMANENT) === 0)
      return [];
    const attributes = readAttributes(answer, 8);
    const parts = kept.flatMap(([name, number]) => {
      const value = attributes.get(number);
      return value === undefined ? [] : [[name, value] as const];
    });
    return [{ family, length, parts }];
  });
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
