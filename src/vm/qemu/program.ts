/** QEMU: its command line for a machine, and its jail. */
import { readFileSync } from 'node:fs';
import type { Jail, JailPlace } from '../../plan/jail.ts';
import { type JailedProgram, jailedProgram } from '../../plan/jailed-program.ts';
import { printHardwareAddress } from '../../plan/netlink.ts';
import { hardwareAddress } from '../../plan/network.ts';
import { FIRST_EXTRA } from '../../plan/program.ts';
import { find } from '../../sandbox/tool.ts';
import { type BoxNetwork, placeOf } from '../../spec/box.ts';
import type { Resources } from '../../spec/spec.ts';
import type { HostShare } from '../guest.ts';
import type { Premises } from '../premises.ts';
import { qemu } from '../tools.ts';
import { type Accelerator, guestMemory, qemuCommand } from './command-line.ts';

/** What a machine is made from; paths are the host's. */
export interface Parts {
  readonly kernel: string;
  readonly initrd: string;
  readonly shares: readonly HostShare[];
  /** Whether it has a disk. */
  readonly disk: boolean;
  readonly resources: Resources;
  readonly accelerator: Accelerator;
  readonly network?: BoxNetwork | undefined;
}

/** Descriptors that QEMU is given, in this order; then one for each share, that of the disk, and that of the network card. */
const [CHANNEL, MONITOR, CONSOLE, FIRST_SHARE] = [0, 1, 2, 3].map((index) => FIRST_EXTRA + index);

/** The guest can make QEMU write as much as it likes to its console: bytes. */
const MAX_CONSOLE = 4 * 2 ** 20;

/** Channel, monitor, console, the shares, the disk, and the network card. */
const MOST_DESCRIPTORS = 1024n;

/** @throws BoxError when QEMU is not there. */
export function qemuProgram(premises: Premises, parts: Parts): JailedProgram {
  const program = find(qemu);
  const place = placeOf(parts.network);
  const afterShares = (FIRST_SHARE as number) + parts.shares.length;
  const disks = parts.disk ? 1 : 0;
  const argv = qemuCommand(program, {
    ...parts,
    kernel: '/kernel',
    initrd: '/initrd',
    channel: CHANNEL as number,
    monitor: MONITOR as number,
    console: CONSOLE as number,
    shares: parts.shares.map(({ tag }, index) => ({
      tag,
      socket: (FIRST_SHARE as number) + index,
    })),
    disk: parts.disk ? afterShares : undefined,
    card: place && {
      kind: place === parts.network?.attachment ? 'tap' : 'stream',
      cable: afterShares + disks,
      address: printHardwareAddress(hardwareAddress(place)),
    },
    tscKhz: tscKhz(),
  });
  // Memory that is shared is a file, too.
  const shared = parts.shares.length === 0 ? 0 : guestMemory(parts.resources);
  const jail: Jail = {
    ...premises,
    places: [
      ...premises.system,
      readOnlyFile('kernel', parts.kernel),
      readOnlyFile('initrd', parts.initrd),
      ...(parts.accelerator === 'kvm' ? kvm : []),
    ],
    inmate: { ...premises.nobody, capabilities: [] },
    limits: {
      RLIMIT_CORE: 0n,
      RLIMIT_FSIZE: BigInt(MAX_CONSOLE + shared),
      RLIMIT_NOFILE: MOST_DESCRIPTORS,
    },
  };
  const extra = 3 + parts.shares.length + disks + (place === undefined ? 0 : 1);
  return jailedProgram(jail, argv, extra);
}

const kvm: readonly JailPlace[] = [
  { kind: 'directory', path: 'dev' },
  { kind: 'kvm', path: 'dev/kvm' },
];

function readOnlyFile(path: string, source: string): JailPlace {
  return { kind: 'host file', path, source, access: 'read-only' };
}

/** Half of bogomips, in kilohertz, where the processor's time stamp counter runs at a fixed rate. */
function tscKhz(): number | undefined {
  const bogomips = /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return bogomips === undefined ? undefined : Math.round(Number(bogomips) * 500);
}
