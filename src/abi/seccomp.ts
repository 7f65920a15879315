/** Numbers of seccomp(2), linux/seccomp.h and libseccomp's seccomp.h, by the names of the OCI runtime specification. */
import type { Arch } from './syscalls.ts';

/** What a filter answers; ERRNO and TRACE have a number of their own in the low 16 bits. */
export const seccompActions = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const;

/** `enum scmp_compare` */
export const seccompOperators = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
} as const;

/** seccomp(2), `flags` of SECCOMP_SET_MODE_FILTER. */
export const seccompFilterFlags = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_NEW_LISTENER: 8,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
} as const;

/** seccomp_unotify(2): requests of ioctl(2) on a listener. */
export const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;

export const seccompOperations = { SECCOMP_SET_MODE_FILTER: 1 } as const;

/** Every architecture that a profile may name. */
export const seccompArchitectures = [
  'SCMP_ARCH_X86',
  'SCMP_ARCH_X86_64',
  'SCMP_ARCH_X32',
  'SCMP_ARCH_ARM',
  'SCMP_ARCH_AARCH64',
  'SCMP_ARCH_MIPS',
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_MIPS64N32',
  'SCMP_ARCH_MIPSEL',
  'SCMP_ARCH_MIPSEL64',
  'SCMP_ARCH_MIPSEL64N32',
  'SCMP_ARCH_PPC',
  'SCMP_ARCH_PPC64',
  'SCMP_ARCH_PPC64LE',
  'SCMP_ARCH_S390',
  'SCMP_ARCH_S390X',
  'SCMP_ARCH_PARISC',
  'SCMP_ARCH_PARISC64',
  'SCMP_ARCH_RISCV64',
  'SCMP_ARCH_LOONGARCH64',
] as const;

export type SeccompArchitecture = (typeof seccompArchitectures)[number];

/** Those whose programs a processor runs, and libseccomp's number of each; its own is the first. */
export const architecturesOf: Readonly<Record<Arch, ReadonlyMap<SeccompArchitecture, number>>> = {
  x64: new Map([
    ['SCMP_ARCH_X86_64', 0xc000003e],
    ['SCMP_ARCH_X86', 0x40000003],
    ['SCMP_ARCH_X32', 0x4000003e],
  ]),
  arm64: new Map([
    ['SCMP_ARCH_AARCH64', 0xc00000b7],
    ['SCMP_ARCH_ARM', 0x40000028],
  ]),
};

/** AUDIT_ARCH_I386, linux/audit.h */
export const AUDIT_ARCH_I386 = 0x40000003;

/**
 * Calls of Linux 5.10 and later: a libseccomp of some age does not know them. Their numbers are the
 * same on every architecture that tsbox knows.
 */
export const newerSyscalls: ReadonlyMap<string, number> = new Map([
  ['process_madvise', 440],
  ['epoll_pwait2', 441],
  ['mount_setattr', 442],
  ['quotactl_fd', 443],
  ['landlock_create_ruleset', 444],
  ['landlock_add_rule', 445],
  ['landlock_restrict_self', 446],
  ['memfd_secret', 447],
  ['process_mrelease', 448],
  ['futex_waitv', 449],
  ['set_mempolicy_home_node', 450],
  ['cachestat', 451],
  ['fchmodat2', 452],
  ['map_shadow_stack', 453],
  ['futex_wake', 454],
  ['futex_wait', 455],
  ['futex_requeue', 456],
  ['statmount', 457],
  ['listmount', 458],
  ['lsm_get_self_attr', 459],
  ['lsm_set_self_attr', 460],
  ['lsm_list_modules', 461],
  ['mseal', 462],
  ['setxattrat', 463],
  ['getxattrat', 464],
  ['listxattrat', 465],
  ['removexattrat', 466],
  ['open_tree_attr', 467],
  ['file_getattr', 468],
  ['file_setattr', 469],
]);
