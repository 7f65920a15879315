/**
 * The process of passt(1) at the other end of a micro-VM's network card, where a user without root has
 * no bridge: it turns the frames of the guest into sockets of its own. It reads what a hostile guest
 * sends, in a C program; so it is in a jail, whose network namespace is as empty as QEMU's until pasta
 * leads it out (pasta.ts), as it does a container's. What passt connects to on "the host" is in there.
 */
import { addressIn, printAddress, type Subnet } from '../spec/addresses.ts';
import { GATEWAY, type Place, type PublishedPort } from '../spec/network.ts';
import { openat, write } from './calls.ts';
import type { Host } from './host.ts';
import type { Inmate, Jail, JailPlace } from './jail.ts';
import { jailedProgram, planServer, type ServerPlan } from './jailed-program.ts';
import { waitForInterface } from './network.ts';
import { type Client, forwardPorts, ownProcess } from './pasta.ts';
import { FIRST_EXTRA } from './program.ts';
import { type Step, step } from './step.ts';

export interface Passt {
  readonly program: string;
  /** A FIFO of tsbox's: something is written into it when all ports lead to the guest. */
  readonly ready: string;
  readonly ports: readonly PublishedPort[];
}

/** Where and as whom. */
export interface Surroundings extends Pick<Jail, 'arch' | 'anchor' | 'lastCapability'> {
  readonly cgroup: Host['cgroup'];
  /** What any program needs. */
  readonly system: readonly JailPlace[];
  readonly nobody: Omit<Inmate, 'capabilities'>;
}

/** @param id of the box. The one descriptor that it is given is its end of the card's cable. */
export function planPasst(
  id: string,
  { arch, anchor, lastCapability = 0, cgroup, system, nobody }: Surroundings,
  { program, ready, ports }: Passt,
): ServerPlan {
  const jail: Jail = {
    arch,
    anchor,
    lastCapability,
    places: [
      ...system,
      ...ownProcess,
      { kind: 'directory', path: 'tmp' },
      { kind: 'host file', path: READY, source: ready, access: 'writable' },
    ],
    inmate: { ...nobody, capabilities: [] },
    network: [...useAddressesAtOnce(arch), ...waitForInterface()],
    limits: { RLIMIT_CORE: 0n },
  };
  return planServer(jailedProgram(jail, commandLine(program, ports), 1), cgroup, id, 'passt');
}

const READY = 'tmp/ready';

/** ip-sysctl.rst of the kernel's documentation; in a container it may be read-only, which costs a second. */
function useAddressesAtOnce(arch: Jail['arch']): Step[] {
  const path = '/proc/sys/net/ipv6/conf/default/accept_dad';
  return [
    step(openat(arch, path, ['O_WRONLY', 'O_CLOEXEC']), 'pasta alone is on the other side', {
      into: 'accept_dad',
      accept: ['ENOENT', 'EROFS', 'EACCES'],
    }),
    step(write('accept_dad', '0'), 'nobody else has its address, which can be used at once'),
  ];
}

/** RFC 7335: for machines behind a translator, so that no network of the host's has it. */
const FOUR: Subnet = { family: 4, first: 0xc0000000n, length: 29 };
/** RFC 4193: "tsbox" stands for what is to be random, as nobody ever hears of it. */
const SIX: Subnet = { family: 6, first: 0xfd7473626f78n << 80n, length: 64 };

/** Bytes: the most of a packet that passt takes, as nothing between it and the guest wants less. */
const MTU = 65520;

/** Where the guest is. @param families those for which pasta has found a way out. */
export function placeBehindPasst(families: readonly (4 | 6)[]): Place {
  const subnets = [FOUR, SIX].filter(({ family }) => families.includes(family));
  return {
    network: { name: 'pasta', subnets, internal: false },
    addresses: subnets.map((subnet) => addressIn(subnet, GATEWAY + 1n)),
    mtu: MTU,
  };
}

/** For want of a privilege passt cannot have those below 1024 in its namespace: ip(7). */
const FIRST_PORT = 1024;

/** For pasta: passt's own network namespace, and who it is. */
export function clientOfPasst<Pid extends number | string>(
  id: string,
  pid: Pid,
  { uid, gid }: Surroundings['nobody'],
  ports: readonly PublishedPort[],
): Client<Pid> {
  return {
    id,
    pid,
    uid,
    gid,
    keepsGroups: true,
    ports: ports.map((port, index) => ({ ...port, box: FIRST_PORT + index })),
  };
}

/** What is not said it would do by itself (passt(1)), such as tell the guest who it is. */
function commandLine(program: string, ports: readonly PublishedPort[]): string[] {
  const own = ports.map(({ protocol, box }, index) => ({
    protocol,
    host: FIRST_PORT + index,
    box,
  }));
  const places = [FOUR, SIX].flatMap((subnet) => [
    ...['--address', printAddress(addressIn(subnet, GATEWAY + 1n))],
    ...['--gateway', printAddress(addressIn(subnet, GATEWAY))],
  ]);
  return [
    program,
    '--foreground',
    '--quiet',
    ...['--fd', `${FIRST_EXTRA}`],
    ...['--pid', `/${READY}`],
    ...places,
    ...['--netmask', `${FOUR.length}`],
    '--no-map-gw',
    // The guest is told its addresses and names by tsbox's files and by nobody else.
    ...['--no-dhcp', '--no-dhcpv6', '--no-ra'],
    ...['--dns', 'none', '--search', 'none'],
    ...forwardPorts(own),
  ];
}
