/** QEMU: its command line for a machine, and its jail. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Jail, JailPlace } from '../../plan/jail.ts';
import { type JailedProgram, jailedProgram } from '../../plan/jailed-program.ts';
import { FIRST_EXTRA } from '../../plan/program.ts';
import type { Resources } from '../../spec/spec.ts';
import type { HostShare } from '../guest.ts';
import type { Premises } from '../premises.ts';
import {
  type Accelerator,
  type Card,
  guestMemory,
  type MemoryFile,
  qemuCommand,
} from './command-line.ts';
import type { Feature } from './features.ts';
import type { Qemu } from './find.ts';
import { distributions } from './installed.ts';
import { MEMORY, privateMemory } from './private-memory.ts';

/** What a machine is made from; paths are the host's. */
export interface Parts {
  readonly qemu: Qemu;
  readonly boots?: { readonly kernel: string; readonly initrd: string } | undefined;
  /** The file that is its memory. */
  readonly memory?: MemoryFile | undefined;
  readonly shares: readonly HostShare[];
  /** Whether it has a disk. */
  readonly disk: boolean;
  readonly resources: Resources;
  readonly accelerator: Accelerator;
  readonly acpi: boolean;
  /** What its network card is connected to; absent: it has none. */
  readonly card?: Card['kind'] | undefined;
}

/** The numbers at which QEMU finds what it is given, one after the other in this order. */
interface Descriptors {
  readonly channel: number;
  readonly monitor: number;
  readonly console: number;
  readonly shares: readonly number[];
  readonly disk: number | undefined;
  readonly cable: number | undefined;
}

function descriptorsOf(parts: Parts): Descriptors {
  let next = FIRST_EXTRA;
  const one = () => next++;
  const oneIf = (given: boolean) => (given ? next++ : undefined);
  return {
    channel: one(),
    monitor: one(),
    console: one(),
    shares: parts.shares.map(one),
    disk: oneIf(parts.disk),
    cable: oneIf(parts.card !== undefined),
  };
}

/** The guest can make QEMU write as much as it likes to its console: bytes. */
const MAX_CONSOLE = 4 * 2 ** 20;

/** Channel, monitor, console, a state, the shares, the disk, and the network card. */
const MOST_DESCRIPTORS = 1024n;

/** What QEMU must have for this machine, beside what it must have for any. */
export function neededFeatures({ shares, card }: Pick<Parts, 'shares' | 'card'>): Feature[] {
  return [
    ...(shares.length === 0 ? [] : (['vhost-user-fs'] as const)),
    ...(card === 'stream' ? (['stream'] as const) : []),
  ];
}

export function qemuProgram(premises: Premises, parts: Parts): JailedProgram {
  const { program, firmware, places } = installation(premises, parts.qemu);
  const { channel, monitor, console, ...descriptors } = descriptorsOf(parts);
  const { boots, memory } = parts;
  const unshared = memory?.shared === false ? privateMemory(parts.qemu) : undefined;
  const argv = qemuCommand(program, {
    ...parts,
    ...{ channel, monitor, console },
    boots: boots && { kernel: '/kernel', initrd: '/initrd' },
    firmware,
    sandbox: parts.qemu.features.includes('sandbox'),
    memory: memory && { ...memory, ...unshared?.memory, path: MEMORY },
    shares: parts.shares.map(({ tag }, index) => ({
      tag,
      socket: descriptors.shares[index] as number,
    })),
    disk: descriptors.disk,
    card: parts.card && { kind: parts.card, cable: descriptors.cable as number },
    tscKhz: tscKhz(),
  });
  // Memory that is shared is a file, too.
  const shared = parts.shares.length > 0 || memory?.shared ? guestMemory(parts.resources) : 0;
  const jail: Jail = {
    ...premises,
    places: [
      ...places,
      ...(boots === undefined ? [] : [file('kernel', boots.kernel), file('initrd', boots.initrd)]),
      ...(memory === undefined
        ? []
        : [file(MEMORY.slice(1), memory.path, memory.shared ? 'writable' : 'read-only')]),
      ...(unshared?.places ?? []),
      ...(parts.accelerator === 'kvm' ? kvm : []),
    ],
    filter: premises.leastCalls,
    environment: unshared?.environment ?? [],
    inmate: { ...premises.nobody, capabilities: [] },
    limits: {
      RLIMIT_CORE: 0n,
      RLIMIT_FSIZE: BigInt(MAX_CONSOLE + shared),
      RLIMIT_NOFILE: MOST_DESCRIPTORS,
    },
  };
  const given = [descriptors.disk, descriptors.cable];
  const extra = 3 + parts.shares.length + given.filter((each) => each !== undefined).length;
  return jailedProgram(jail, argv, extra);
}

interface Installation {
  /** Paths in the jail. */
  readonly program: string;
  readonly firmware?: string;
  readonly places: readonly JailPlace[];
}

/** The distribution's comes with its libraries and firmware; a static one that brings its own needs neither. */
function installation(
  { system }: Premises,
  { name, path, firmware, ...facts }: Qemu,
): Installation {
  if (distributions.includes(name)) return { program: path, places: system };
  const program = basename(path);
  return {
    program: `/${program}`,
    ...(firmware === undefined ? {} : { firmware: '/firmware' }),
    places: [
      ...(facts.static && firmware !== undefined ? [] : system),
      file(program, path),
      ...(firmware === undefined ? [] : [file('firmware', firmware)]),
    ],
  };
}

const kvm: readonly JailPlace[] = [
  { kind: 'directory', path: 'dev' },
  { kind: 'kvm', path: 'dev/kvm' },
];

function file(
  path: string,
  source: string,
  access: 'read-only' | 'writable' = 'read-only',
): JailPlace {
  return { kind: 'host file', path, source, access };
}

/** Half of bogomips, in kilohertz, where the processor's time stamp counter runs at a fixed rate. */
function tscKhz(): number | undefined {
  const bogomips = /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return bogomips === undefined ? undefined : Math.round(Number(bogomips) * 500);
}
