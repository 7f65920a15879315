/**
 * Networks of boxes: what is done on the host, as data, and what the box does itself, with messages
 * of rtnetlink(7) that its plan carries.
 */

import { basename } from 'node:path';
import { type Address, addressBytes, addressIn, printAddress } from '../spec/addresses.ts';
import { type Box, placeOf } from '../spec/box.ts';
import { type Attachment, GATEWAY, type Place } from '../spec/network.ts';
import type { HostAction } from './action.ts';
import { openat2, write } from './calls.ts';
import type { Host } from './host.ts';
import {
  defaultRoute,
  deleteAddress,
  joinBridge,
  linkDown,
  linkUp,
  newAddress,
  newPair,
  setHardwareAddress,
  setMtu,
} from './links.ts';
import {
  bindAddress,
  connectAddress,
  sendNetlink,
  socketNetlink,
  socketUdp,
} from './network-calls.ts';
import { PARENT_DESCRIPTOR } from './parent.ts';
import { ownMounts } from './places.ts';
import { receive, sendByte } from './socket-calls.ts';
import { type Step, step } from './step.ts';

/** What the box's interface is called. */
export const INTERFACE = 'eth0';

/** Name of a box's interface on the host: at most 15 bytes. */
export function hostInterface(id: string): string {
  return `tsb${id.slice(0, 12)}`;
}

/**
 * Number of the interface in the box. The kernel chooses the host's from 1 on, and takes a number
 * that is in use on the host for a mistake.
 */
export function interfaceNumber(id: string): number {
  return 100_000 + (Number.parseInt(id.slice(0, 7), 16) || 0);
}

/** By the parent, while the box waits: from then on it has its interface. */
export function attach({ id, network }: Pick<Box, 'id' | 'network'>): HostAction[] {
  if (network?.attachment === undefined) return [];
  const { attachment } = network;
  const { bridge } = attachment.network;
  const [host, inside] = [hostInterface(id), INTERFACE];
  const { mtu } = attachment;
  return [
    {
      call: 'netlink',
      messages: [
        newPair({
          host,
          inside,
          index: interfaceNumber(id),
          hardware: hardwareAddress(attachment),
          mtu,
        }),
        joinBridge(host, bridge),
      ],
      why: `an interface of the box, on the network ${attachment.network.name}`,
      hint: 'the kernel must have veth (CONFIG_VETH), and tsbox CAP_NET_ADMIN',
    },
  ];
}

/** By the VM driver, for QEMU: the interface is gone with the last descriptor of it. */
export function attachMachine(id: string, { network, mtu }: Attachment): HostAction[] {
  const name = hostInterface(id);
  return [
    {
      call: 'open_tap',
      path: '/dev/net/tun',
      name,
      why: "the machine's network card is connected to it: it is gone when nobody has it open",
      hint: 'the kernel must have TUN (CONFIG_TUN; modprobe tun), /dev must have net/tun, and tsbox CAP_NET_ADMIN',
    },
    {
      call: 'netlink',
      messages: [setMtu(name, mtu), joinBridge(name, network.bridge)],
      why: `on the network ${network.name}`,
      hint: 'tsbox needs CAP_NET_ADMIN',
    },
  ];
}

/**
 * The address of the box's card: locally administered, the rest being its address of version 4, which no
 * other on the network has. A box that comes to have that after another is no other card to its neighbours,
 * which keep in mind for a while which card has which address: arp(7).
 */
export function hardwareAddress({ addresses }: Pick<Place, 'addresses'>): Uint8Array {
  const four = addresses.find(({ family }) => family === 4);
  return Uint8Array.of(0x02, 0x74, ...(four === undefined ? [0, 0, 0, 0] : addressBytes(four)));
}

/** Where packets of a box go that leave its network; none where they may not. */
function gateways({ network }: Place): Address[] {
  return network.internal ? [] : network.subnets.map((subnet) => addressIn(subnet, GATEWAY));
}

/** Addresses of documentation (RFC 5737, RFC 3849): nothing is sent there. */
const somewhere: Readonly<Record<4 | 6, Address>> = {
  4: { family: 4, value: 0xc0000201n },
  6: { family: 6, value: 0x20010db8n << 96n },
};

/** The one interface of a guest: its kernel counts from 1, which is the loopback interface, on. */
const CARD_NUMBER = 2;

/**
 * By the box itself, before anything in /proc is masked.
 * @param made by whom the interface was: in a guest by the driver of its card.
 */
export function configureInterface(box: Box, host: Host, made: 'by tsbox' | 'by driver'): Step[] {
  if (box.network?.choice.kind === 'pasta' && made === 'by tsbox') return waitForPasta(box, host);
  const place = placeOf(box.network);
  if (place === undefined) return [];
  const index = made === 'by tsbox' ? interfaceNumber(box.id) : CARD_NUMBER;
  const send = (message: Parameters<typeof sendNetlink>[1], why: string): Step =>
    step(sendNetlink('netlink', message), why);
  const addresses = place.addresses.map((address, each) => ({
    address,
    length: place.network.subnets[each]?.length ?? 0,
  }));
  return [
    ...ignoreAdvertisements(box, host),
    ...(box.network?.place === undefined ? [] : announceItself(box, host)),
    step(socketNetlink(), "a handle on the box's interfaces", { into: 'netlink' }),
    ...addresses.map(({ address, length }) =>
      send(newAddress(index, address, length), `its address on ${place.network.name}`),
    ),
    ...(made === 'by tsbox'
      ? []
      : [
          send(setMtu(index, place.mtu), 'no packet is larger than those of the network'),
          send(setHardwareAddress(index, hardwareAddress(place)), 'that of no other card'),
        ]),
    send(linkUp(index), 'an interface begins down'),
    ...gateways(place).map((gateway) =>
      send(defaultRoute(gateway), 'everything else is reached through the host'),
    ),
    ...place.addresses.flatMap((address) => prove(address, place)),
  ];
}

/**
 * By the init of a guest that is about to be saved: until a copy has an address of its own, it must not answer
 * to that of another. Its routes go with that, and its addresses of version 6.
 */
export function disconnectInterface(): Step[] {
  return [
    step(socketNetlink(), "a handle on the box's interfaces", { into: 'netlink' }),
    step(sendNetlink('netlink', linkDown(CARD_NUMBER)), 'no copy is where this one was'),
  ];
}

/**
 * By the init of a guest whose interface was configured, and is down since it was saved.
 * @param old where it was then.
 */
export function renewInterface(place: Place, old: Place): Step[] {
  const send = (message: Parameters<typeof sendNetlink>[1], why: string): Step =>
    step(sendNetlink('netlink', message), why);
  const lengthOn = ({ network }: Place, index: number) => network.subnets[index]?.length ?? 0;
  return [
    step(socketNetlink(), "a handle on the box's interfaces", { into: 'netlink' }),
    ...old.addresses.flatMap((address, each) =>
      // Those of version 6 have gone already.
      address.family === 4
        ? [send(deleteAddress(CARD_NUMBER, address, lengthOn(old, each)), 'the address it had')]
        : [],
    ),
    send(setHardwareAddress(CARD_NUMBER, hardwareAddress(place)), 'that of no other card'),
    send(setMtu(CARD_NUMBER, place.mtu), 'no packet is larger than those of the network'),
    ...place.addresses.map((address, each) =>
      send(
        newAddress(CARD_NUMBER, address, lengthOn(place, each)),
        `its address on ${place.network.name}`,
      ),
    ),
    send(linkUp(CARD_NUMBER), 'from here on it is there'),
    ...gateways(place).map((gateway) =>
      send(defaultRoute(gateway), 'everything else is reached through the host'),
    ),
  ];
}

/** A box that may send raw packets could lead the others' to itself (CVE-2020-13401). */
function ignoreAdvertisements(box: Box, host: Host): Step[] {
  return setInterface(box, host, `ipv6/conf/${INTERFACE}/accept_ra`, '0', [
    'no other box tells this one where to send its packets',
    'routers are not believed',
  ]);
}

/** passt up to 2023 loses what comes for a guest before it has heard of its card's address. */
function announceItself(box: Box, host: Host): Step[] {
  return setInterface(box, host, `ipv4/conf/${INTERFACE}/arp_notify`, '1', [
    'passt leads ports to the card that it has heard of',
    'so it sends something as soon as it is up',
  ]);
}

/** It makes the interface (pasta.ts), which has what is set for those that come. */
function waitForPasta(box: Box, host: Host): Step[] {
  return [
    ...setInterface(box, host, 'ipv6/conf/default/accept_dad', '0', [
      'pasta alone is on the other side',
      'nobody else has its address, which can be used at once',
    ]),
    ...waitForInterface(),
  ];
}

/** Until pasta (pasta.ts) has made and configured it. */
export function waitForInterface(): Step[] {
  return [
    step(sendByte(PARENT_DESCRIPTOR), 'tsbox starts pasta, which makes the interface'),
    step(receive(PARENT_DESCRIPTOR, 0), 'and has done so'),
  ];
}

/** ip-sysctl.rst of the kernel's documentation. There is nothing to set where it has not got that version of IP. */
function setInterface(
  box: Box,
  host: Host,
  setting: string,
  value: string,
  [why, effect]: readonly [string, string],
): Step[] {
  const procfs = ownMounts(box, host).find(({ mount }) => mount.type === 'proc')?.slot ?? 'root';
  const path = `sys/net/${setting}`;
  const handle = basename(path);
  const inside = ['RESOLVE_IN_ROOT', 'RESOLVE_NO_XDEV', 'RESOLVE_NO_MAGICLINKS'] as const;
  return [
    step(openat2(host.arch, procfs, path, ['O_WRONLY', 'O_CLOEXEC'], inside), why, {
      into: handle,
      accept: ['ENOENT'],
    }),
    step(write(handle, value), effect),
  ];
}

/** A plan does not read what netlink answers: that the address and the route are there shows it. */
function prove(address: Address, { network }: Place): Step[] {
  const socket = `address${address.family}`;
  const hint = `the box's own plan has just set it: its network namespace must have IPv${address.family}`;
  return [
    step(socketUdp(address.family), 'nothing is sent through it', { into: socket }),
    step(bindAddress(socket, address), `fails if ${printAddress(address)} is not the box's`, {
      hint,
    }),
    ...(network.internal
      ? []
      : [
          step(connectAddress(socket, somewhere[address.family]), 'fails if no route leads out', {
            hint,
          }),
        ]),
  ];
}
