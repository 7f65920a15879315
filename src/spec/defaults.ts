/**
 * What a box gets when nobody asks for anything else: the defaults of docker, podman and the OCI
 * runtime specification (config-linux.md), so that a workload finds what it finds elsewhere.
 */
import type { DeviceRule, Mount, NamespaceType } from './spec.ts';

export const OCI_VERSION = '1.2.0';

/** Host name of a box that was given none: the host's own must not be seen. */
export const DEFAULT_HOSTNAME = 'tsbox';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Mode of umask(2) that login shells and docker use. */
export const DEFAULT_UMASK = 0o022;

/** Every kind that a box always has; `user` comes with `--userns=auto`. */
export const defaultNamespaces: readonly NamespaceType[] = [
  'pid',
  'mount',
  'uts',
  'ipc',
  'network',
  'cgroup',
];

/** In the order in which they are attached: /dev before what lies in it. */
export const defaultMounts: readonly Mount[] = [
  {
    destination: '/proc',
    type: 'proc',
    source: 'proc',
    options: ['nosuid', 'noexec', 'nodev'],
  },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    // Group 5 is tty in every distribution; without it a terminal would be its owner's group's.
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
  },
  {
    destination: '/dev/mqueue',
    type: 'mqueue',
    source: 'mqueue',
    options: ['nosuid', 'noexec', 'nodev'],
  },
  {
    destination: '/sys',
    type: 'sysfs',
    source: 'sysfs',
    options: ['nosuid', 'noexec', 'nodev', 'ro'],
  },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

/**
 * Files that tell about the host or its hardware, or (kcore, keys) about other users' secrets. Of
 * what podman and docker mask there is no need for /sys/fs/selinux, as a new sysfs has nothing
 * mounted on it, nor for /sys/dev/block, as /sys/block tells the same and programs need it; the
 * thermal_throttle of each processor would be hundreds of mounts on a large host (`mask=` adds what
 * is wanted). /proc/key-users counts keys and shows none.
 */
export const defaultMaskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** Files through which root in the box would steer the host's kernel. */
export const defaultReadonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/**
 * What every box may use: the devices that src/plan/devices.ts gives it, and terminals of its own.
 * Nodes may be made of all (to install a package, to unpack an image), as everywhere with the OCI's
 * runtimes; opening them is something else. The host's console (c 5:1) is not among them: what is
 * /dev/console elsewhere is a terminal of the box's.
 */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { allow: true, access: 'm' },
  ...[3, 5, 7, 8, 9].map((minor) => ({ allow: true, type: 'c', major: 1, minor }) as const),
  ...[0, 2].map((minor) => ({ allow: true, type: 'c', major: 5, minor }) as const),
  { allow: true, type: 'c', major: 136 },
];
