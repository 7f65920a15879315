/**
 * Flag words of the system calls, by the names in their man pages. Values that differ between
 * architectures are in `openFlags(arch)`; all others are the same everywhere.
 */
import type { Arch } from './syscalls.ts';

const commonOpenFlags = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  O_PATH: 0o10000000,
} as const;

/** open(2); O_DIRECTORY and O_NOFOLLOW are swapped about on arm64 (asm/fcntl.h). */
export const openFlags = {
  x64: { ...commonOpenFlags, O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000 },
  arm64: { ...commonOpenFlags, O_DIRECTORY: 0o40000, O_NOFOLLOW: 0o100000 },
} as const satisfies Record<Arch, Record<string, number>>;

/** openat2(2), `how.resolve` */
export const resolveFlags = {
  RESOLVE_NO_XDEV: 0x01,
  RESOLVE_NO_MAGICLINKS: 0x02,
  RESOLVE_NO_SYMLINKS: 0x04,
  RESOLVE_IN_ROOT: 0x10,
} as const;

/** mount(2) */
export const mountFlags = {
  MS_RDONLY: 0x1,
  MS_NOSUID: 0x2,
  MS_NODEV: 0x4,
  MS_NOEXEC: 0x8,
  MS_REMOUNT: 0x20,
  MS_NOATIME: 0x400,
  MS_NODIRATIME: 0x800,
  MS_BIND: 0x1000,
  MS_MOVE: 0x2000,
  MS_REC: 0x4000,
  MS_UNBINDABLE: 0x20000,
  MS_PRIVATE: 0x40000,
  MS_SLAVE: 0x80000,
  MS_SHARED: 0x100000,
  MS_RELATIME: 0x200000,
  MS_STRICTATIME: 0x1000000,
} as const;

/** mount_setattr(2), fsmount(2) */
export const mountAttributes = {
  MOUNT_ATTR_RDONLY: 0x1,
  MOUNT_ATTR_NOSUID: 0x2,
  MOUNT_ATTR_NODEV: 0x4,
  MOUNT_ATTR_NOEXEC: 0x8,
  MOUNT_ATTR_RELATIME: 0,
  MOUNT_ATTR_NOATIME: 0x10,
  MOUNT_ATTR_STRICTATIME: 0x20,
  /** To be cleared when one of the three above is set. */
  MOUNT_ATTR__ATIME: 0x70,
  MOUNT_ATTR_NODIRATIME: 0x80,
  MOUNT_ATTR_IDMAP: 0x100000,
} as const;

/** open_tree(2) and the AT_ flags of fcntl.h */
export const treeFlags = {
  OPEN_TREE_CLONE: 1,
  OPEN_TREE_CLOEXEC: 0o2000000,
  AT_SYMLINK_NOFOLLOW: 0x100,
  AT_EMPTY_PATH: 0x1000,
  AT_RECURSIVE: 0x8000,
} as const;

/** move_mount(2) */
export const moveFlags = {
  MOVE_MOUNT_F_EMPTY_PATH: 0x04,
  MOVE_MOUNT_T_EMPTY_PATH: 0x40,
} as const;

export const fsOpenFlags = { FSOPEN_CLOEXEC: 1 } as const;
export const fsMountFlags = { FSMOUNT_CLOEXEC: 1 } as const;

/** fsconfig(2) commands */
export const fsConfigCommands = {
  FSCONFIG_SET_FLAG: 0,
  FSCONFIG_SET_STRING: 1,
  FSCONFIG_CMD_CREATE: 6,
} as const;

export const umountFlags = { MNT_DETACH: 2 } as const;

/** clone(2) */
export const cloneFlags = {
  CLONE_NEWTIME: 0x80,
  CLONE_VM: 0x100,
  CLONE_PIDFD: 0x1000,
  CLONE_VFORK: 0x4000,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
  CLONE_INTO_CGROUP: 0x200000000,
} as const;

/** prctl(2) */
export const prctlOptions = {
  PR_SET_PDEATHSIG: 1,
  PR_SET_DUMPABLE: 4,
  PR_CAPBSET_DROP: 24,
  PR_SET_SECUREBITS: 28,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
} as const;

/** capabilities(7), "The securebits flags" */
export const secureBits = { SECBIT_KEEP_CAPS: 0x10 } as const;

/** keyctl(2) operations */
export const keyctlOperations = { KEYCTL_JOIN_SESSION_KEYRING: 1 } as const;

/** landlock_create_ruleset(2), `attr.scoped` */
export const landlockScopes = {
  LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET: 1,
  LANDLOCK_SCOPE_SIGNAL: 2,
} as const;

/** clock_gettime(2) */
export const clocks = { CLOCK_REALTIME: 0 } as const;

/** ioprio_set(2) */
export const ioPriorityTargets = { IOPRIO_WHO_PROCESS: 1 } as const;

/** netdevice(7); ioctl_tty(2); random(4) */
export const ioctlRequests = {
  SIOCSIFFLAGS: 0x8914,
  SIOCGIFINDEX: 0x8933,
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TIOCSCTTY: 0x540e,
  TIOCGPGRP: 0x540f,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  TIOCGPTPEER: 0x5441,
  TIOCSPTLCK: 0x40045431,
  RNDRESEEDCRNG: 0x5207,
  RNDADDENTROPY: 0x40085203,
} as const;

export const socketFamilies = { AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 } as const;
export const messageFlags = { MSG_NOSIGNAL: 0x4000, MSG_CMSG_CLOEXEC: 0x40000000 } as const;

export const socketTypes = {
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_CLOEXEC: 0o2000000,
} as const;

/** fcntl(2) */
export const fcntlCommands = { F_GETFD: 1, F_SETFD: 2, F_DUPFD_CLOEXEC: 1030 } as const;
export const descriptorFlags = { FD_CLOEXEC: 1 } as const;

/** inotify(7) */
export const inotifyFlags = { IN_CLOEXEC: 0o2000000 } as const;
export const inotifyEvents = { IN_CREATE: 0x100 } as const;

export const AT_FDCWD = -100;
