import type { Arch } from '../abi/syscalls.ts';
import type { Box } from '../spec/box.ts';
import type { CallerIds } from '../spec/caller-ids.ts';
import type { MountApi } from './mount-api.ts';
import type { MountAttribute } from './mount-calls.ts';
import type { SeccompFilter } from './seccomp.ts';
import type { Step } from './step.ts';

/**
 * What planning has to know of the host: facts read by src/linux/host.ts, or, for a plan that a
 * micro-VM's guest carries out, given by the VM driver.
 */
export interface Host {
  readonly arch: Arch;
  /** Who runs tsbox: what it may do about ids and the owners of files. */
  readonly caller: Pick<CallerIds, 'kind' | 'uid' | 'gid' | 'keepsGroups' | 'mapPrograms'>;
  /** How many files the caller might have open before Node raised it for itself; absent where it did not. */
  readonly openFiles?: { readonly soft: bigint; readonly hard: bigint };
  /** Whether the kernel has overlayfs, and lets this caller mount it as far as is known. */
  readonly overlay: boolean;
  /** What has to do instead, where it is to be had: served-root.ts. */
  readonly rootServer?: RootServer;
  /**
   * An existing directory, the same for all boxes, on which each puts its mounts together where only
   * its own mount namespace sees them.
   */
  readonly anchor: string;
  /** Whether mounts are made by descriptors (Linux 5.12) or by paths: mount-api.ts. */
  readonly mountApi: 'descriptors' | 'paths';
  /** Where boxes get their cgroups (version 2); absent where they get none. */
  readonly cgroup?: CgroupHost;
  /** Why they get none. */
  readonly cgroupLack?: CgroupLack;
  /** Why systemd, which was asked, gave none in which limits can be kept: what, a colon, what to do. */
  readonly noScope?: string;
  /** Number of the kernel's last capability, which tsbox may be too old to know; absent: it knows all. */
  readonly lastCapability?: number;
  /** Which security modules label processes here; absent where no label was asked for. */
  readonly securityModules?: SecurityModules;
  /** Where the host's message queues are mounted, mq_overview(7); looked for only where a box shares them. */
  readonly queues?: string;
  /** Of the box's system calls; absent where its profile is. */
  readonly seccomp?: SeccompFilter;
  /** What stands at each bind mount's source. */
  readonly sources: ReadonlyMap<string, 'file' | 'directory'>;
  /** The mounts that the image and those sources lie on, by their paths; read only where it matters. */
  readonly sourceMounts?: ReadonlyMap<string, SourceMount>;
}

/** A program that serves root file systems through FUSE. Few boxes need it, so its steps are loaded with it. */
export interface RootServer {
  /** Its path. */
  readonly program: string;
  /** While the host's tree is in reach. */
  open(arch: Arch): Step[];
  /** Leaves the mount in the slot `root`. */
  mount(box: Box, mounts: MountApi): Step[];
}

/** A mount of the host's, as /proc/self/mountinfo tells of it. */
export interface SourceMount {
  /** Its mount point. */
  readonly point: string;
  readonly attributes: readonly MountAttribute[];
  /** Whether mounts that are made in it reach its peers, or those of its peers reach it. */
  readonly propagation: 'shared' | 'slave' | 'private';
  /** Whether something is mounted below the path. */
  readonly nested: boolean;
}

export interface CgroupHost {
  /** Mount point of the hierarchy: `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` on a hybrid host. */
  readonly mount: string;
  /** The cgroup below which boxes get theirs: the root of the hierarchy, or one that is the user's. */
  readonly top: string;
  /** Controllers that cgroups below it can have. */
  readonly controllers: readonly string[];
}

/** Why there are no cgroups for boxes. */
export type CgroupLack = 'not mounted' | 'not delegated';

/** Linux security modules that are at work. */
export interface SecurityModules {
  readonly apparmor: boolean;
  readonly selinux: boolean;
}
