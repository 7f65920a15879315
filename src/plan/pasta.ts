/**
 * The process of pasta(1) that leads the network of a user's box out of the host, through sockets of
 * the user's: what the kernel lets nobody but root do by interfaces. It reads what a hostile workload
 * sends, in a C program, and needs every address that the user reaches; so it is in a jail, which holds
 * nothing else. It makes the interface of its client, a container or the passt(1) of a micro-VM, and
 * configures it as the host's own is, and to make it has to be in the client's user namespace; that has
 * no PID namespace in which it is.
 */
import { printAddress } from '../spec/addresses.ts';
import type { Box } from '../spec/box.ts';
import { type PublishedPort, TUN_DEVICE } from '../spec/network.ts';
import { type HostAction, PID } from './action.ts';
import { noLoopback } from './frame-filter.ts';
import type { Host } from './host.ts';
import { keepsGroups } from './id-maps.ts';
import { firstId } from './identity.ts';
import type { Jail, JailPlace } from './jail.ts';
import { jailedProgram, planServer, type ServerPlan } from './jailed-program.ts';
import { INTERFACE } from './network.ts';

/** To enter the box's network namespace, make its interface and leave the jail for an empty directory. */
const toConnect = ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];

export interface PastaPlan extends ServerPlan {
  /** By tsbox, when the interface is there; that process is pasta's. */
  readonly after: readonly HostAction[];
}

/** Whose network it leads out, who has come to wait for its interface. */
export interface Client<Pid extends number | string = number> {
  /** Of the box. */
  readonly id: string;
  /** Of a process in its namespaces, as in a path of /proc. */
  readonly pid: Pid;
  /** Who is to be in its user namespace. */
  readonly uid: number;
  readonly gid: number;
  /** Whether setgroups(2) is refused there. */
  readonly keepsGroups: boolean;
  /** The box's are those in its network namespace. */
  readonly ports: readonly PublishedPort[];
}

/** A container, whose namespaces are all its own. */
export function clientOf<Pid extends number | string>(box: Box, host: Host, pid: Pid): Client<Pid> {
  const { uidMappings, gidMappings } = box.spec.linux;
  return {
    id: box.id,
    pid,
    uid: firstId(uidMappings),
    gid: firstId(gidMappings),
    keepsGroups: keepsGroups(box, host),
    ports: box.network?.ports ?? [],
  };
}

export interface Served {
  readonly program: string;
  /** A FIFO of tsbox's: something is written into it when the interface is there and all ports lead to it. */
  readonly ready: string;
}

/** @param system what any program needs. */
export function planPasta(
  { id, pid, uid, gid, keepsGroups: keeps, ports }: Client<number | string>,
  host: Host,
  { program, ready }: Served,
  system: readonly JailPlace[],
): PastaPlan {
  const { arch, anchor, lastCapability = 0 } = host;
  const jail: Jail = {
    arch,
    anchor,
    lastCapability,
    places: [...system, ...ownPlaces(pid, ready)],
    inmate: {
      uid,
      gid,
      joins: { pid, keepsGroups: keeps },
      capabilities: toConnect,
    },
    limits: { RLIMIT_CORE: 0n },
  };
  const jailed = jailedProgram(jail, commandLine(program, ports), 0);
  return {
    ...planServer(jailed, host.cgroup, id, 'pasta'),
    after: [
      {
        call: 'filter_frames',
        path: `/proc/${PID}`,
        name: INTERFACE,
        filter: noLoopback,
        why: 'what the box sends to loopback addresses never comes to pasta',
      },
    ],
  };
}

const [NAMESPACE, READY] = ['proc/1/ns/net', 'tmp/ready'];

/** Of /proc it sees itself alone. */
export const ownProcess: readonly JailPlace[] = [
  { kind: 'directory', path: 'proc' },
  { kind: 'host directory', path: 'proc/2', source: '/proc/self', access: 'read-only' },
  { kind: 'link', path: 'proc/self', target: '2' },
];

/** At paths that the AppArmor profile of Debian's package lets it open. */
function ownPlaces(pid: number | string, ready: string): JailPlace[] {
  const directories = (...paths: string[]) =>
    paths.map((path): JailPlace => ({ kind: 'directory', path }));
  return [
    ...ownProcess,
    ...directories('proc/1', 'proc/1/ns'),
    {
      kind: 'host file',
      path: NAMESPACE,
      source: `/proc/${pid}/ns/net`,
      access: 'read-only',
    },
    ...directories('dev', 'dev/net'),
    { kind: 'host device', path: TUN_DEVICE.slice(1), source: TUN_DEVICE },
    ...directories('tmp'),
    { kind: 'host file', path: READY, source: ready, access: 'writable' },
  ];
}

/**
 * Whatever is not said it would do by itself: forward every port that somebody listens at, on either
 * side, and lead packets for the host's gateway to the host's own loopback interface (passt(1)).
 */
function commandLine(program: string, ports: readonly PublishedPort[]): string[] {
  return [
    program,
    '--foreground',
    '--quiet',
    ...['--pid', `/${READY}`],
    ...['--netns', `/${NAMESPACE}`],
    '--netns-only',
    '--no-netns-quit',
    '--config-net',
    ...['--ns-ifname', INTERFACE],
    '--no-map-gw',
    // The box is told its addresses and names by tsbox's files and by nobody else.
    ...['--no-dhcp', '--no-dhcpv6', '--no-ra'],
    ...['--dns', 'none', '--search', 'none'],
    ...forwardPorts(ports),
    ...['--tcp-ns', 'none', '--udp-ns', 'none'],
  ];
}

/** What pasta(1) and passt(1) are told: without it they decide themselves. */
export function forwardPorts(ports: readonly PublishedPort[]): string[] {
  return [...forward('--tcp-ports', ports, 'tcp'), ...forward('--udp-ports', ports, 'udp')];
}

function forward(
  option: string,
  ports: readonly PublishedPort[],
  protocol: PublishedPort['protocol'],
): string[] {
  const own = ports.filter((port) => port.protocol === protocol);
  if (own.length === 0) return [option, 'none'];
  return own.flatMap(({ address, host, box }) => {
    const at = address === undefined ? '' : `${printAddress(address)}/`;
    return [option, `${at}${host}:${box}`];
  });
}
