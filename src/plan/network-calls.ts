/** System calls of a box on its network: netlink(7), ip(7), ipv6(7). */
import * as abi from '../abi/flags.ts';
import { type Address, addressBytes, printAddress } from '../spec/addresses.ts';
import { flags, NULL, number, slot, ZERO } from './arguments.ts';
import { encodeMessage, type Message, printMessage } from './netlink.ts';
import type { Argument, Call, Slot } from './step.ts';

export function socketNetlink(): Call {
  return {
    call: 'socket',
    args: [
      flags(abi.socketFamilies, ['AF_NETLINK']),
      flags(abi.socketTypes, ['SOCK_RAW', 'SOCK_CLOEXEC']),
      number(0, 'NETLINK_ROUTE'),
    ],
  };
}

/** sendto(2) of a message, to the kernel. It must name no interface, only numbers. */
export function sendNetlink(socket: Slot, message: Message): Call {
  const nobody = { indexOf: (name: string) => fail(`${name} is not known yet`) };
  const value = encodeMessage(message, 1, nobody);
  const bytes: Argument = { kind: 'bytes', value, text: printMessage(message) };
  return { call: 'sendto', args: [slot(socket), bytes, number(value.length), ZERO, NULL, ZERO] };
}

function fail(why: string): never {
  throw new RangeError(why);
}

export function socketUdp(family: 4 | 6): Call {
  return {
    call: 'socket',
    args: [
      flags(abi.socketFamilies, [family === 4 ? 'AF_INET' : 'AF_INET6']),
      flags(abi.socketTypes, ['SOCK_DGRAM', 'SOCK_CLOEXEC']),
      ZERO,
    ],
  };
}

export function socketTcp(): Call {
  return {
    call: 'socket',
    args: [
      flags(abi.socketFamilies, ['AF_INET']),
      flags(abi.socketTypes, ['SOCK_STREAM', 'SOCK_CLOEXEC']),
      ZERO,
    ],
  };
}

/** connect(2) */
export function connectPort(socket: Slot, address: Address, port: number): Call {
  return { call: 'connect', args: [slot(socket), ...socketAddress(address, port)] };
}

export function bindAddress(socket: Slot, address: Address): Call {
  return { call: 'bind', args: [slot(socket), ...socketAddress(address, 0)] };
}

/** connect(2) of a datagram socket: finds the route, and sends nothing. */
export function connectAddress(socket: Slot, address: Address): Call {
  return { call: 'connect', args: [slot(socket), ...socketAddress(address, 9)] };
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(address: Address, port: number): [Argument, Argument] {
  const value = socketAddressBytes(address, port);
  const text = `{${printAddress(address)}, ${port}}`;
  return [{ kind: 'bytes', value, text }, number(value.length)];
}

/** As bind(2) takes it: the family, the port, and what comes before and after the address. */
export function socketAddressBytes(address: Address, port: number): Buffer {
  const four = address.family === 4;
  const bytes = Buffer.alloc(four ? 16 : 28);
  bytes.writeUInt16LE(abi.socketFamilies[four ? 'AF_INET' : 'AF_INET6'], 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(addressBytes(address), four ? 4 : 8);
  return bytes;
}
