import type { Arch } from '../abi/syscalls.ts';
import type { CallerIds } from './caller-ids.ts';
import type { FindDevices } from './devices.ts';
import type { Network, Pasta, UsualNetwork } from './network.ts';
import type { Outside } from './outside.ts';
import type { ConsoleSize } from './spec.ts';

/**
 * What the command line of `run` says about the box, word for word: nothing is checked yet. The
 * names are those of the flags.
 */
export interface RunOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly memory?: string;
  readonly cpus?: string;
  readonly pidsLimit?: string;
  /** Whether PID 1 is an init of tsbox's. */
  readonly init: boolean;
  /** Whether the workload gets a terminal. */
  readonly tty: boolean;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly network?: string;
  readonly publish: readonly string[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOption: readonly string[];
  readonly addHost: readonly string[];
  readonly volume: readonly string[];
  readonly tmpfs: readonly string[];
  readonly device: readonly string[];
  readonly mount: readonly string[];
  readonly readOnly: boolean;
  readonly writable: boolean;
  readonly ulimit: readonly string[];
  readonly umask?: string;
  readonly userns?: string;
  readonly uidmap: readonly string[];
  readonly gidmap: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly groupAdd: readonly string[];
  readonly oomScoreAdj?: string;
  readonly securityOpt: readonly string[];
  readonly entrypoint?: string;
  readonly label: readonly string[];
  readonly labelFile: readonly string[];
  readonly annotation: readonly string[];
  readonly shmSize?: string;
  readonly sysctl: readonly string[];
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly cgroupns?: string;
  readonly volumesFrom: readonly string[];
  /** Whether a read-only root has places in memory that can be written to. */
  readonly readOnlyTmpfs?: boolean;
  readonly cpuShares?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memorySwap?: string;
  readonly memoryReservation?: string;
  readonly timeout?: string;
  readonly preserveFds?: string;
  readonly stopSignal?: string;
}

/** What is said by no flag at all. */
export const noOptions: Omit<RunOptions, 'command'> = {
  env: [],
  envFile: [],
  label: [],
  labelFile: [],
  annotation: [],
  sysctl: [],
  volumesFrom: [],
  publish: [],
  dns: [],
  dnsSearch: [],
  dnsOption: [],
  addHost: [],
  volume: [],
  tmpfs: [],
  device: [],
  mount: [],
  ulimit: [],
  uidmap: [],
  gidmap: [],
  capAdd: [],
  capDrop: [],
  groupAdd: [],
  securityOpt: [],
  init: false,
  tty: false,
  readOnly: false,
  writable: false,
};

/** The image, as far as a specification depends on it. */
export interface ImageFacts {
  /** Absolute path on the host. */
  readonly rootfs: string;
  /** Text of its /etc/passwd and /etc/group; empty where it has none. */
  readonly passwd: string;
  readonly group: string;
}

/** The caller, as far as a specification depends on it. */
export interface Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative sources of volumes start from here. */
  readonly cwd: string;
  /** Looks at the host's devices, of which few boxes are given any. */
  readonly findDevices: FindDevices;
  /** Looks a network up by its name; there is the default one alone if absent. */
  readonly findNetwork?: (name: string) => Network | undefined;
  /** Looks for pasta, for a caller without root; there is none if absent. */
  readonly findPasta?: () => Pasta;
  /** `none` if absent. */
  readonly usualNetwork?: UsualNetwork;
  readonly ids: CallerIds;
  /** What few boxes need; nothing of it is found where it is absent. */
  readonly outside?: Outside;
  /** Of the terminal that shows the box's, where there is one. */
  readonly consoleSize?: ConsoleSize;
  /** Capabilities that its bounding set holds, capabilities(7); every one where it is not given. */
  readonly boundingSet?: readonly string[];
  /** What `--security-opt seccomp=FILE` names, and what the conditions in it ask for. */
  readonly seccomp?: {
    readonly text: string;
    readonly arch: Arch;
    /** Release of the kernel on which the box runs. */
    readonly kernel: string;
  };
}
