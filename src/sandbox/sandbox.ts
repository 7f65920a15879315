import type { ConsoleSize } from '../spec/spec.ts';
import type { Timeline } from './timeline.ts';

/** How a workload ended. */
export type Exit =
  /** `oomKilled`: the kernel ended some process of the box for want of memory. */
  | { readonly kind: 'exited'; readonly code: number; readonly oomKilled?: boolean }
  | { readonly kind: 'signalled'; readonly signal: number; readonly oomKilled: boolean };

/**
 * A running box, the same for both drivers. Whatever happens, `wait` settles once and by then
 * nothing of the box is left: no process, mount, cgroup or file.
 */
export interface Sandbox {
  readonly id: string;
  /** Host process id of the workload (container) or of QEMU (VM). */
  readonly pid: number;
  /** Of a micro-VM: what runs it. */
  readonly vmm?: Vmm;
  /** Marks of every phase so far; complete when `wait` has settled. */
  readonly timeline: Timeline;
  /** Sends a signal (its number) to the workload. Does nothing when it has ended. */
  signal(signal: number): void;
  /**
   * A container's, where `process.terminal` asks for one: the end of its terminal that is not the
   * workload's, the caller's to read, write and close. A micro-VM's is shown on its standard streams.
   */
  readonly terminal?: number;
  /** Tells a box that has a terminal how large it is shown. */
  resize(size: ConsoleSize): void;
  /**
   * Settles when the workload has ended and everything is removed.
   * @param block milliseconds for which this thread may first do nothing but wait, until a signal
   *   comes: the end of a container that takes no longer is heard of sooner.
   * @throws BoxError when the box could not be made or the workload not be executed.
   */
  wait(block?: number): Promise<Exit>;
  /** The system calls of a box that is watched for all, each once for each rule; complete when `wait` has settled. */
  readonly recorded?: readonly RecordedCall[];
}

/** A virtual machine monitor. */
export interface Vmm {
  readonly program: 'QEMU';
  readonly version: string;
  /** Which of those that are installed. */
  readonly name: string;
  readonly path: string;
  readonly accelerator: 'kvm' | 'tcg';
}

/** As `QEMU 7.2.22 (distribution, /usr/bin/qemu-system-x86_64) under TCG`. */
export function printVmm({ program, version, name, path, accelerator }: Vmm): string {
  return `${program} ${version} (${name}, ${path}) under ${accelerator.toUpperCase()}`;
}

export interface RecordedCall {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly arch: number;
  readonly number: number;
  /** With which the box's profile denied it; 0 when it was allowed. */
  readonly errno: number;
  /** As they were in registers. */
  readonly args: readonly bigint[];
  /** As in its man page; undefined where libseccomp does not know it. */
  readonly name: string | undefined;
}

/** Who can end a start before the workload runs; asked only by what takes a while. */
export interface Early {
  readonly abort: AbortSignal;
}

/** File descriptors of the caller's that become the workload's standard streams. */
export interface Stdio {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Of a box with a terminal: what of that which is typed is the box's; without it nothing is. */
  readonly typed?: Typist;
}

/** Looks for keys of its own in what is typed, and may hold some back until the next one tells. */
export interface Typist {
  take(bytes: Uint8Array): Uint8Array;
  /** How many bytes are held back: they may come out on top of a later chunk. */
  readonly held: number;
}
