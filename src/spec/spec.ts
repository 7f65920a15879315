/**
 * The OCI runtime specification's `config.json`, as far as tsbox carries it out: the one model
 * that both drivers take. Field names and meanings are the specification's (v1.2, config.md and
 * config-linux.md); units and defaults are noted where it leaves them open.
 */
import type { MemoryPolicyFlag, MemoryPolicyMode } from '../abi/memory-policy.ts';
import type { SchedulerFlag, SchedulerPolicy } from '../abi/scheduling.ts';
import type { Seccomp } from './seccomp.ts';

export interface Spec {
  readonly ociVersion: string;
  readonly process: Process;
  readonly root: Root;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly Mount[];
  readonly linux: Linux;
  readonly hooks?: Hooks;
  /** Told to hooks. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export type HookKind =
  | 'prestart'
  | 'createRuntime'
  | 'createContainer'
  | 'startContainer'
  | 'poststart'
  | 'poststop';

/** Programs that are executed at certain times of a box's life, in their order. */
export type Hooks = { readonly [kind in HookKind]?: readonly Hook[] };

export interface Hook {
  /** Absolute: on the host, or for `startContainer` in the box. */
  readonly path: string;
  /** With the name of the program; only that if absent. */
  readonly args?: readonly string[];
  /** All of its environment. */
  readonly env?: readonly string[];
  /** Seconds, above 0; no limit if absent. */
  readonly timeout?: number;
}

/** What is executed, and as whom. */
export interface Process {
  /** The program and its arguments; `args[0]` is looked up in the box's `PATH` when it has no `/`. */
  readonly args: readonly string[];
  /** `NAME=value` pairs; nothing of the caller's environment is added. */
  readonly env: readonly string[];
  /** Absolute, inside the box. */
  readonly cwd: string;
  readonly user: User;
  readonly capabilities: CapabilitySets;
  readonly rlimits: readonly Rlimit[];
  /** Whether its standard streams are a terminal of the box's own. */
  readonly terminal?: boolean;
  /** Of that terminal, in characters: 0 to 65535. */
  readonly consoleSize?: ConsoleSize;
  readonly noNewPrivileges: boolean;
  /** How likely the kernel is to end it for want of memory: -1000, never, to 1000; the caller's if absent. */
  readonly oomScoreAdj?: number;
  readonly ioPriority?: IoPriority;
  readonly scheduler?: Scheduler;
  /** Its name in AppArmor; `unconfined` for none. */
  readonly apparmorProfile?: string;
  /** `user:role:type:level`. */
  readonly selinuxLabel?: string;
}

export interface ConsoleSize {
  readonly height: number;
  readonly width: number;
}

/** ioprio_set(2); absent: the caller's. */
export interface IoPriority {
  readonly class: 'IOPRIO_CLASS_RT' | 'IOPRIO_CLASS_BE' | 'IOPRIO_CLASS_IDLE';
  /** 0, the first, to 7. */
  readonly priority: number;
}

/** sched_setattr(2); absent: the caller's. */
export interface Scheduler {
  readonly policy: SchedulerPolicy;
  /** -20 to 19, for SCHED_OTHER and SCHED_BATCH. */
  readonly nice?: number;
  /** 1 to 99, for SCHED_FIFO and SCHED_RR. */
  readonly priority?: number;
  readonly flags?: readonly SchedulerFlag[];
  /** Nanoseconds, for SCHED_DEADLINE. */
  readonly runtime?: number;
  readonly deadline?: number;
  readonly period?: number;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** File mode creation mask, umask(2). */
  readonly umask: number;
}

/** The five sets of capabilities(7), each a list of names such as `CAP_CHOWN`. */
export interface CapabilitySets {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

export interface Rlimit {
  /** `RLIMIT_NOFILE` and so on, getrlimit(2). */
  readonly type: string;
  readonly soft: bigint;
  readonly hard: bigint;
}

export interface Root {
  /** Absolute path on the host. */
  readonly path: string;
  readonly readonly: boolean;
}

export interface Mount {
  /** Absolute, inside the box. */
  readonly destination: string;
  readonly type: 'bind' | 'proc' | 'sysfs' | 'tmpfs' | 'devpts' | 'mqueue' | 'cgroup';
  /** For a bind mount the absolute path on the host, otherwise a label. */
  readonly source: string;
  /** The specification's words (src/plan/mount-words.ts), or file-system data such as `mode=755`. */
  readonly options: readonly string[];
}

export type NamespaceType =
  | 'pid'
  | 'mount'
  | 'uts'
  | 'ipc'
  | 'network'
  | 'cgroup'
  | 'user'
  | 'time';

export interface Namespace {
  readonly type: NamespaceType;
  /** Absolute, on the host: one that is there already; a new one if absent. */
  readonly path?: string;
}

/** Of a clock in a new time namespace, to the host's. */
export interface TimeOffset {
  readonly secs: bigint;
  /** 0 to 999999999 */
  readonly nanosecs: number;
}

/** set_mempolicy(2) */
export interface MemoryPolicy {
  readonly mode: MemoryPolicyMode;
  /** A list such as `0-1`; empty for none. */
  readonly nodes: string;
  readonly flags: readonly MemoryPolicyFlag[];
}

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** A device in the box: the host's node, shown at another place. */
export interface Device {
  /** Absolute, inside the box. */
  readonly path: string;
  /** Absolute, on the host; not the specification's, which has runtimes make a node of their own. */
  readonly source?: string;
  /** Block or character device; `u` is another word for `c`. A FIFO (`p`) is not a device and refused. */
  readonly type: 'b' | 'c' | 'u' | 'p';
  readonly major?: number;
  readonly minor?: number;
  /** Those of the host's node: none can be changed without changing the host's. */
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * A rule about devices. They are applied in their order, beginning with nothing allowed; each allows
 * or denies what it names, whatever an earlier one said.
 */
export interface DeviceRule {
  readonly allow: boolean;
  /** Block, character, or all devices, as when absent. */
  readonly type?: 'a' | 'b' | 'c';
  /** All of them when absent. */
  readonly major?: number;
  readonly minor?: number;
  /** Of `r`, `w` and `m` (mknod); all of them when absent. */
  readonly access?: string;
}

export interface Linux {
  /** Of a kind that is not listed the box has the host's. */
  readonly namespaces: readonly Namespace[];
  readonly timeOffsets?: { readonly [clock in 'monotonic' | 'boottime']?: TimeOffset };
  /** Values by names with dots, as in sysctl(8). */
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Of the root mount, and with an `r` in front of all below it; `private` if absent. */
  readonly rootfsPropagation?: string;
  readonly memoryPolicy?: MemoryPolicy;
  /** Both empty without a user namespace. */
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  /** Interfaces of the host's that the box gets, by their names there; the same name in the box if none is given. */
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  readonly devices: readonly Device[];
  readonly resources: Resources;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Context of the file systems that tsbox makes, for SELinux. */
  readonly mountLabel?: string;
  /** personality(2): `LINUX32` lets uname(2) tell of a 32-bit machine; the caller's if absent. */
  readonly personality?: { readonly domain: 'LINUX' | 'LINUX32' };
  /** `default`: tsbox's own, too large to be carried about; absent: every call is allowed. */
  readonly seccomp?: Seccomp | 'default';
}

/** Limits; one that is absent is not set, nor is one of 0. */
export interface Resources {
  /** Bytes, -1 for no limit; `swap` counts memory and swap together, `reservation` is kept for the box. */
  readonly memory?: {
    readonly limit?: number;
    readonly swap?: number;
    readonly reservation?: number;
  };
  readonly cpu?: CpuResources;
  /** -1 for no limit. */
  readonly pids?: { readonly limit: number };
  readonly blockIO?: BlockIo;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: bigint }[];
  /** By the names of the devices. */
  readonly rdma?: Readonly<
    Record<string, { readonly hcaHandles?: number; readonly hcaObjects?: number }>
  >;
  /** Text by the names of cgroup v2's files, a line at a time. */
  readonly unified?: Readonly<Record<string, string>>;
  /** Beside what every box may use (`defaultDeviceRules`). */
  readonly devices?: readonly DeviceRule[];
}

export interface CpuResources {
  /** Microseconds in each period; below 0 for no limit. */
  readonly quota?: number;
  /** Microseconds. */
  readonly period?: number;
  /** Microseconds that may be saved up. */
  readonly burst?: number;
  /** Of 1024, as cgroup v1 counts: 2 to 262144. */
  readonly shares?: number;
  /** 1: only when nobody else wants the processor. */
  readonly idle?: number;
  /** Lists such as `0-3,7`. */
  readonly cpus?: string;
  readonly mems?: string;
}

/** Weights are cgroup v1's: 10 to 1000. */
export interface BlockIo {
  readonly weight?: number;
  readonly weightDevice?: readonly (BlockDevice & { readonly weight: number })[];
  /** Bytes, or operations, in a second. */
  readonly throttleReadBpsDevice?: readonly BlockRate[];
  readonly throttleWriteBpsDevice?: readonly BlockRate[];
  readonly throttleReadIOPSDevice?: readonly BlockRate[];
  readonly throttleWriteIOPSDevice?: readonly BlockRate[];
}

export interface BlockDevice {
  readonly major: number;
  readonly minor: number;
}

export interface BlockRate extends BlockDevice {
  readonly rate: bigint;
}
