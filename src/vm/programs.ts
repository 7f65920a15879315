/** The host's programs that make up a micro-VM: the command line and the jail of each. */
import { readFileSync } from 'node:fs';
import type { Jail, JailPlace } from '../plan/jail.ts';
import { type JailedProgram, jailedProgram } from '../plan/jailed-program.ts';
import { printHardwareAddress } from '../plan/netlink.ts';
import { hardwareAddress } from '../plan/network.ts';
import { FIRST_EXTRA } from '../plan/program.ts';
import { find } from '../sandbox/tool.ts';
import { type BoxNetwork, placeOf } from '../spec/box.ts';
import type { Resources } from '../spec/spec.ts';
import type { HostShare } from './guest.ts';
import type { Premises } from './premises.ts';
import { type Accelerator, guestMemory, qemuCommand } from './qemu.ts';
import { qemu, virtiofsd } from './tools.ts';

/** What a machine is made from; paths are the host's. */
export interface Parts {
  readonly kernel: string;
  readonly initrd: string;
  readonly shares: readonly HostShare[];
  readonly resources: Resources;
  readonly accelerator: Accelerator;
  readonly network?: BoxNetwork | undefined;
}

/** Descriptors that QEMU is given, in this order; then one for each share, and that of the network card. */
const [CHANNEL, MONITOR, CONSOLE, FIRST_SHARE] = [0, 1, 2, 3].map((index) => FIRST_EXTRA + index);

/** The guest can make QEMU write as much as it likes to its console: bytes. */
const MAX_CONSOLE = 4 * 2 ** 20;

/** Channel, monitor, console, the shares, and the network card. */
const MOST_DESCRIPTORS = 1024n;

/** @throws BoxError when QEMU is not there. */
export function qemuProgram(premises: Premises, parts: Parts): JailedProgram {
  const program = find(qemu);
  const place = placeOf(parts.network);
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
    card: place && {
      kind: place === parts.network?.attachment ? 'tap' : 'stream',
      cable: (FIRST_SHARE as number) + parts.shares.length,
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
  return jailedProgram(jail, argv, 3 + parts.shares.length + (place === undefined ? 0 : 1));
}

const kvm: readonly JailPlace[] = [
  { kind: 'directory', path: 'dev' },
  { kind: 'kvm', path: 'dev/kvm' },
];

function readOnlyFile(path: string, source: string): JailPlace {
  return { kind: 'host file', path, source, access: 'read-only' };
}

/** With which virtiofsd makes its own, inner sandbox: it gives them up before it serves. */
const forItsSandbox = ['CAP_SYS_ADMIN', 'CAP_SETPCAP'];

/** To do what the guest's users ask for, with their rights. */
const toServe = ['CAP_DAC_OVERRIDE', 'CAP_SETUID', 'CAP_SETGID'];
/** And overlayfs opens its lower layer with O_NOATIME, which others' files allow to CAP_FOWNER alone: open(2). */
const toRead = ['CAP_FOWNER'];
const toChange = ['CAP_CHOWN', 'CAP_FSETID'];
const toMake = ['CAP_MKNOD', 'CAP_SETFCAP'];

/** @throws BoxError when virtiofsd is not there. */
export function virtiofsdProgram(premises: Premises, share: HostShare): JailedProgram {
  const own = [
    ...toServe,
    ...toRead,
    ...(share.readonly ? [] : toChange),
    // A root file system may need devices and privileged programs; a volume is the host's to fill with such.
    ...(share.tag === 'root' && !share.readonly ? toMake : []),
  ];
  const without = [...toChange, ...toMake].filter((name) => !own.includes(name));
  const words = without.map((name) => `-${name.slice('CAP_'.length).toLowerCase()}`);
  const argv = [
    ...[find(virtiofsd), `--fd=${FIRST_EXTRA}`, '--rlimit-nofile=0'],
    ...['-o', 'source=/share', '-o', 'sandbox=namespace'],
    ...(words.length === 0 ? [] : ['-o', `modcaps=${words.join(':')}`]),
  ];
  const jail: Jail = {
    ...premises,
    places: [
      ...premises.system,
      { kind: 'proc', path: 'proc' },
      {
        kind: 'host directory',
        path: 'share',
        source: share.source,
        access: share.readonly ? 'read-only' : 'writable',
      },
    ],
    inmate: { ...premises.root, capabilities: [...own, ...forItsSandbox] },
    limits: { RLIMIT_CORE: 0n },
  };
  return jailedProgram(jail, argv, 1);
}

/** Half of bogomips, in kilohertz, where the processor's time stamp counter runs at a fixed rate. */
function tscKhz(): number | undefined {
  const bogomips = /^bogomips\s*:\s*([\d.]+)/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  return bogomips === undefined ? undefined : Math.round(Number(bogomips) * 500);
}
