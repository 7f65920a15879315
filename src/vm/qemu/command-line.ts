/** QEMU's command line for a box (qemu(1), and "microvm" in QEMU's system documentation). */
import type { Resources } from '../../spec/spec.ts';

export type Accelerator = 'kvm' | 'tcg';

export interface Machine {
  readonly accelerator: Accelerator;
  /** Whether the guest's kernel finds its devices by ACPI; otherwise it is told on its command line. */
  readonly acpi: boolean;
  /** Whether it has a filter of its own, beside that of its jail. */
  readonly sandbox: boolean;
  /** What the machine runs first; absent: QEMU has its own. */
  readonly firmware?: string | undefined;
  /** What it boots; absent: it waits for the state of a machine that was saved. */
  readonly boots?: { readonly kernel: string; readonly initrd: string } | undefined;
  /** The file that is its memory; absent: it has none. */
  readonly memory?: MemoryFile | undefined;
  /** Descriptor of a file, open for writing, that gets what the guest's kernel says. */
  readonly console: number;
  /** Descriptors of connected sockets: the guest channel, QEMU's monitor (QMP), and a virtiofsd each. */
  readonly channel: number;
  readonly monitor: number;
  readonly shares: readonly { readonly tag: string; readonly socket: number }[];
  /** Descriptor of a file, open for reading, that is its disk; absent: it has none. */
  readonly disk?: number | undefined;
  /** Its network card; absent: it has none. */
  readonly card?: Card | undefined;
  readonly resources: Resources;
  /** Kilohertz of the processor's time stamp counter, where it is known. */
  readonly tscKhz: number | undefined;
}

export interface MemoryFile {
  readonly path: string;
  /** Whether what the guest writes goes into it; otherwise into copies of its pages. */
  readonly shared: boolean;
  /** Where it is not shared: whether QEMU has to be told to open it for reading alone. */
  readonly toldReadOnly?: boolean;
}

export interface Card {
  /** What the descriptor is: an interface of the host's, or a socket that is connected to passt. */
  readonly kind: 'tap' | 'stream';
  readonly cable: number;
}

/** Until the guest sets the one that it is to have. */
const HARDWARE_ADDRESS = '02:74:00:00:00:01';

const MEGABYTE = 2 ** 20;
/** Megabytes: what a guest gets that was given no limit, and the least with which the kernel boots. */
const DEFAULT_MEMORY = 256;
const LEAST_MEMORY = 32;

/** Bytes of memory that a guest has. */
export function guestMemory({ memory: { limit = 0 } = {} }: Resources): number {
  const megabytes =
    limit <= 0 ? DEFAULT_MEMORY : Math.max(LEAST_MEMORY, Math.ceil(limit / MEGABYTE));
  return megabytes * MEGABYTE;
}

/** Microseconds: the kernel's own, where a quota comes without one. */
const DEFAULT_PERIOD = 100_000;

/** QEMU's own seccomp filter: no program is executed, no identity, priority or processor changed. */
const sandbox = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** The program's arguments, `argv[0]` included. */
export function qemuCommand(program: string, machine: Machine): string[] {
  const { cpu } = machine.resources;
  const size = guestMemory(machine.resources) / MEGABYTE;
  const { quota = 0, period = DEFAULT_PERIOD } = cpu ?? {};
  const cpus = Math.max(1, Math.ceil(quota / (period || DEFAULT_PERIOD)));
  return [
    program,
    ...['-M', `microvm,x-option-roms=off,acpi=${onOff(machine.acpi)},accel=${machine.accelerator}`],
    ...memoryOf(machine, size),
    ...(machine.accelerator === 'kvm' ? ['-cpu', 'host'] : []),
    ...['-m', `${size}M`, '-smp', String(cpus)],
    ...(machine.sandbox ? ['-sandbox', sandbox] : []),
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...(machine.firmware === undefined ? [] : ['-bios', machine.firmware]),
    ...(machine.boots === undefined
      ? ['-incoming', 'defer']
      : [
          ...['-kernel', machine.boots.kernel, '-initrd', machine.boots.initrd],
          ...['-append', kernelCommandLine(machine.accelerator, cpus, machine.tscKhz)],
        ]),
    ...['-add-fd', `fd=${machine.console},set=1`],
    ...['-chardev', 'file,id=console,path=/dev/fdset/1', '-serial', 'chardev:console'],
    // virtiofsd speaks version 1 of virtio only.
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-chardev', `socket,id=monitor,fd=${machine.monitor}`],
    ...['-mon', 'chardev=monitor,mode=control'],
    // Port 0 would be a console. Each port has two queues, which the driver sets up one by one.
    ...['-device', 'virtio-serial-device,max_ports=2'],
    ...['-chardev', `socket,id=channel,fd=${machine.channel}`],
    ...['-device', 'virtserialport,chardev=channel,name=tsbox'],
    ...(machine.disk === undefined ? [] : disk(machine.disk)),
    ...machine.shares.flatMap(({ tag, socket }) => [
      ...['-chardev', `socket,id=${tag},fd=${socket}`],
      ...['-device', `vhost-user-fs-device,chardev=${tag},tag=${tag}`],
    ]),
    ...(machine.card === undefined
      ? []
      : [
          ...['-netdev', connection(machine.card)],
          ...['-device', `virtio-net-device,netdev=network,mac=${HARDWARE_ADDRESS}`],
        ]),
  ];
}

const onOff = (on: boolean) => (on ? 'on' : 'off');

function memoryOf({ shares, memory }: Machine, size: number): string[] {
  // virtiofsd reads the guest's memory, which then has to be shared with it: 0.2 s under TCG.
  const backend =
    memory === undefined
      ? 'memory-backend-memfd,share=on'
      : `memory-backend-file,mem-path=${memory.path},share=${memory.shared ? 'on' : 'off'}${memory.toldReadOnly ? ',readonly=on,rom=off' : ''}`;
  if (memory === undefined && shares.length === 0) return [];
  return [...['-object', `${backend},id=ram,size=${size}M`], ...['-machine', 'memory-backend=ram']];
}

function disk(fd: number): string[] {
  const file = 'driver=file,node-name=disk,filename=/dev/fdset/2,read-only=on,locking=off';
  return [
    ...['-add-fd', `fd=${fd},set=2`, '-blockdev', file],
    ...['-device', 'virtio-blk-device,drive=disk'],
  ];
}

function connection({ kind, cable }: Card): string {
  return kind === 'tap'
    ? // The host's kernel is not to serve the guest's queues: that is one more way into it.
      `tap,id=network,fd=${cable},vhost=off`
    : `stream,id=network,server=off,addr.type=fd,addr.str=${cable}`;
}

/** The kernel's Documentation/admin-guide/kernel-parameters.txt. */
function kernelCommandLine(
  accelerator: Accelerator,
  cpus: number,
  tscKhz: number | undefined,
): string {
  return [
    'console=ttyS0',
    'quiet',
    // The kernel's tests of its own ciphers take a sixth of its start under TCG.
    'cryptomgr.notests',
    // With -no-reboot QEMU ends when the guest restarts or panics.
    'reboot=t',
    'panic=-1',
    ...(cpus === 1 ? ['noreplace-smp'] : []),
    // Under TCG calibrating against the timer can take forever on a busy host.
    ...(accelerator === 'tcg' && tscKhz !== undefined ? [`tsc_early_khz=${tscKhz}`] : []),
  ].join(' ');
}
