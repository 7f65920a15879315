/**
 * The interface of a box whose other end a program of the host's holds (pasta.ts), by tuntap.rst of the
 * kernel's documentation. The box makes it itself, and the kernel keeps the program from ever seeing what
 * a box must not send: pasta connects to whatever address a packet has, and before 2024 to the host's
 * loopback ones, too. A box that may send raw packets, or bind a socket to an interface, could send such.
 */

import { encodeFilter, type FilterInstruction, filterCodes } from '../abi/classic-bpf.ts';
import * as abi from '../abi/flags.ts';
import { TUN_DEVICE } from '../spec/network.ts';
import { flags, number, slot, structure } from './arguments.ts';
import { closeSlot, openat } from './calls.ts';
import type { Host } from './host.ts';
import { type Argument, type Call, type Slot, type Step, step } from './step.ts';

/** While the host's tree is in reach. */
export function openTun({ arch }: Pick<Host, 'arch'>): Step[] {
  return [
    step(openat(arch, TUN_DEVICE, ['O_RDWR', 'O_CLOEXEC']), 'through which interfaces are made', {
      into: 'tun',
    }),
  ];
}

/** In the box's network namespace. */
export function makeTap(name: string): Step[] {
  return [
    step(setInterface('tun', name), "the box's interface"),
    step(
      keepInterface('tun'),
      'it stays until pasta takes it, and goes with the network namespace',
    ),
    step(attachFilter('tun', apart), 'what it sends to loopback addresses goes to nobody'),
    step(closeSlot('tun'), 'the other end is for pasta alone'),
  ];
}

const { LOAD_HALF, LOAD_WORD, AND, JUMP_EQUAL, RETURN } = filterCodes;
/** Of an Ethernet frame: its type; the destination in a packet of IPv4, and in one of IPv6. */
const [TYPE, DESTINATION_4, DESTINATION_6] = [12, 30, 38];
const [IPV4, IPV6] = [0x0800, 0x86dd];
const [NOTHING, EVERYTHING] = [0, 0xffff_ffff];

/** 127.0.0.0/8 and 0.0.0.0/8, which means the host itself, too; ::, ::1, and IPv4 in IPv6: ip(7), ipv6(7). */
const apart: readonly FilterInstruction[] = [
  [LOAD_HALF, 0, 0, TYPE],
  [JUMP_EQUAL, 5, 0, IPV6],
  [JUMP_EQUAL, 0, 9, IPV4],
  [LOAD_WORD, 0, 0, DESTINATION_4],
  [AND, 0, 0, 0xff00_0000],
  [JUMP_EQUAL, 5, 0, 0x7f00_0000],
  [JUMP_EQUAL, 4, 5, 0],
  [LOAD_WORD, 0, 0, DESTINATION_6],
  [JUMP_EQUAL, 0, 3, 0],
  [LOAD_WORD, 0, 0, DESTINATION_6 + 4],
  [JUMP_EQUAL, 0, 1, 0],
  [RETURN, 0, 0, NOTHING],
  [RETURN, 0, 0, EVERYTHING],
];

/** ioctl(TUNSETIFF) of a `struct ifreq`, netdevice(7): one whose packets are Ethernet frames. */
function setInterface(tun: Slot, name: string): Call {
  const [IFF_TAP, IFF_NO_PI] = [0x0002, 0x1000];
  const value = new Uint8Array(40);
  value.set(Buffer.from(name), 0);
  new DataView(value.buffer).setUint16(16, IFF_TAP | IFF_NO_PI, true);
  const text = `{ifr_name="${name}", ifr_flags=IFF_TAP|IFF_NO_PI}`;
  return ioctl(tun, 'TUNSETIFF', { kind: 'bytes', value, text });
}

function keepInterface(tun: Slot): Call {
  return ioctl(tun, 'TUNSETPERSIST', number(1));
}

/** Of a `struct sock_fprog`: of each packet as much is passed on as the program returns. */
function attachFilter(tun: Slot, instructions: readonly FilterInstruction[]): Call {
  const filter: Argument = {
    kind: 'bytes',
    value: encodeFilter(instructions),
    text: '/* no loopback address */',
  };
  return ioctl(tun, 'TUNATTACHFILTER', structure({ len: number(instructions.length), filter }));
}

function ioctl(fd: Slot, request: keyof typeof abi.ioctlRequests, argument: Argument): Call {
  return { call: 'ioctl', args: [slot(fd), flags(abi.ioctlRequests, [request]), argument] };
}
