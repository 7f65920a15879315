/**
 * What a box must not send to a program of the host's that has the network of the host (pasta.ts): the
 * kernel keeps it from ever seeing such frames. Pasta connects to whatever address a packet has, and
 * before 2024 to the loopback ones of the host, too. A box may send such packets past its own loopback
 * interface, from a socket that is bound to the other one (socket(7), SO_BINDTODEVICE) or is raw.
 */
import { type FilterInstruction, filterCodes } from '../abi/classic-bpf.ts';

const { LOAD_HALF, LOAD_WORD, AND, JUMP_EQUAL, RETURN } = filterCodes;
/** Of an Ethernet frame: its type; the destination in a packet of IPv4, and in one of IPv6. */
const [TYPE, DESTINATION_4, DESTINATION_6] = [12, 30, 38];
const [IPV4, IPV6] = [0x0800, 0x86dd];
const [NOTHING, EVERYTHING] = [0, 0xffff_ffff];

/** 127.0.0.0/8 and 0.0.0.0/8, which means the host itself, too; ::, ::1, and IPv4 in IPv6: ip(7), ipv6(7). */
export const noLoopback: readonly FilterInstruction[] = [
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
