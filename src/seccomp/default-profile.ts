/**
 * Which system calls a box may make when it is given no other profile: data, grouped by reason. What
 * is not allowed here is refused: a call that is named, with EPERM; one that did not exist when this
 * was written, with ENOSYS, as by a kernel without it, so that C libraries take the older way instead
 * of failing. tests/host/seccomp-filter.test.ts holds that every call of the architectures is named once.
 *
 * Beside namespaces, capabilities and masks this is one more wall: each call that is left out is code
 * of the host's kernel that a hostile workload cannot reach (syscalls(2) is the manual of them all).
 */
import type { CapabilityName } from '../abi/capabilities.ts';

export interface AllowedCalls {
  readonly why: string;
  readonly calls: readonly string[];
}

export interface GuardedCalls extends AllowedCalls {
  /** Each of these allows them. */
  readonly by: readonly CapabilityName[];
  /** What they would open without. */
  readonly opens: string;
}

export interface DeniedCalls {
  readonly opens: string;
  readonly calls: readonly string[];
}

/** A call that is allowed with some values of its first arguments; the kernel looks at 32 bits of each. */
export interface LimitedCall {
  readonly call: string;
  readonly why: string;
  readonly opens: string;
  readonly argument: number;
  /**
   * `values`: one of these. `clear`: no bit of this mask is set. `not`: none of these.
   */
  readonly limit:
    | { readonly values: Readonly<Record<string, number>> }
    | { readonly clear: number }
    | { readonly not: Readonly<Record<string, number>> };
  /** Each of these lifts the limit. */
  readonly liftedBy?: readonly CapabilityName[];
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Of every program. */
export const allowed: readonly AllowedCalls[] = [
  {
    why: 'files by path, with the rights of the box’s user',
    calls:
      words(`open openat openat2 creat access faccessat faccessat2 stat stat64 lstat lstat64 newfstatat
      fstatat64 statx statfs statfs64 readlink readlinkat link linkat symlink symlinkat unlink unlinkat rename
      renameat renameat2 mkdir mkdirat rmdir mknod mknodat truncate truncate64 chmod fchmodat fchmodat2 chown
      chown32 lchown lchown32 fchownat utime utimes utimensat utimensat_time64 futimesat getcwd chdir umask
      name_to_handle_at inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
      file_getattr file_setattr`),
  },
  {
    why: 'extended attributes of files',
    calls:
      words(`getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr
      removexattr lremovexattr fremovexattr getxattrat setxattrat listxattrat removexattrat`),
  },
  {
    why: 'what is open already',
    calls:
      words(`read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek close
      close_range dup dup2 dup3 fcntl fcntl64 flock fstat fstat64 fstatfs fstatfs64 fchmod fchown fchown32
      fchdir ftruncate ftruncate64 fallocate fsync fdatasync sync syncfs sync_file_range sync_file_range2
      arm_sync_file_range fadvise64 fadvise64_64 arm_fadvise64_64 readahead getdents getdents64 readdir
      sendfile sendfile64 splice tee copy_file_range pipe pipe2 memfd_create memfd_secret cachestat`),
  },
  {
    why: 'waiting for many things at once',
    calls:
      words(`poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1
      epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 io_setup
      io_submit io_getevents io_cancel io_destroy`),
  },
  {
    why: 'memory of one’s own',
    calls:
      words(`brk mmap mmap2 munmap mprotect mremap madvise msync mincore mlock mlock2 mlockall munlock
      munlockall remap_file_pages membarrier mbind get_mempolicy set_mempolicy pkey_alloc pkey_free
      pkey_mprotect map_shadow_stack mseal`),
  },
  {
    why: 'processes and threads of the box: other ones it cannot name',
    calls:
      words(`fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill pidfd_open
      pidfd_send_signal process_mrelease gettid getpid getppid getpgid getpgrp setpgid getsid setsid
      set_tid_address set_robust_list get_robust_list futex futex_time64 futex_waitv futex_wake futex_wait
      futex_requeue rseq restart_syscall set_thread_area get_thread_area arch_prctl modify_ldt prctl
      breakpoint cacheflush set_tls`),
  },
  {
    // Before Linux 4.8 a tracer got past the filter of what it traced; tsbox needs a later one.
    why: 'debuggers: the kernel lets them at processes of the same user and namespace alone',
    calls: words('ptrace process_vm_readv process_vm_writev'),
  },
  {
    why: 'signals',
    calls:
      words(`rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait
      rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigaction
      signal sigpending sigprocmask sigreturn sigsuspend pause`),
  },
  {
    why: 'time, which these only tell: to set it the kernel wants CAP_SYS_TIME',
    calls: words(`time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64
      clock_nanosleep clock_nanosleep_time64 nanosleep alarm getitimer setitimer timer_create timer_delete
      timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun timerfd_create
      timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 times adjtimex clock_adjtime
      clock_adjtime64`),
  },
  {
    why: 'users and groups, within the box’s capabilities',
    calls:
      words(`getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32
      getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32
      setregid setregid32 setresuid setresuid32 setresgid setresgid32 setgroups setgroups32 setfsuid
      setfsuid32 setfsgid setfsgid32 capget capset`),
  },
  {
    why: 'limits and priorities, within those of the box',
    calls:
      words(`getrlimit ugetrlimit setrlimit prlimit64 getrusage getpriority setpriority ioprio_get
      ioprio_set sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam
      sched_getscheduler sched_setscheduler sched_getattr sched_setattr sched_get_priority_max
      sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64`),
  },
  {
    why: 'connections, through the box’s own network',
    calls:
      words(`socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt
      setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64`),
  },
  {
    why: 'messages, semaphores and shared memory, in an IPC namespace of the box’s own',
    calls:
      words(`shmget shmat shmdt shmctl semget semop semtimedop semtimedop_time64 semctl msgget msgsnd
      msgrcv msgctl ipc mq_open mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive
      mq_timedreceive_time64 mq_notify mq_getsetattr`),
  },
  {
    why: 'a box can wall itself in further',
    calls: words('seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self'),
  },
  { why: 'facts about the machine', calls: words('uname sysinfo getcpu getrandom') },
];

/** The namespaces that clone(2) makes: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NEW_NAMESPACES = 0x7e020000;

export const limited: readonly LimitedCall[] = [
  {
    call: 'clone',
    why: 'processes and threads, in the namespaces of the box',
    opens:
      'in a user namespace of its own a process has every capability: much of the kernel that only root reached before',
    argument: 0,
    limit: { clear: NEW_NAMESPACES },
    liftedBy: ['CAP_SYS_ADMIN'],
  },
  {
    call: 'personality',
    why: 'asking for it, and what programs for Linux on 32 bits or of another version want',
    opens: 'ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC make faults of programs easier to exploit',
    argument: 0,
    limit: {
      values: {
        PER_LINUX: 0,
        PER_LINUX32: 0x8,
        UNAME26: 0x20000,
        'PER_LINUX32|UNAME26': 0x20008,
        'the present one': 0xffffffff,
      },
    },
  },
  {
    call: 'socket',
    why: 'this host, the Internet, the kernel’s own news and raw packets of the box’s network',
    opens:
      'families that leave the box’s network (AF_VSOCK reaches the hypervisor) or that are little used and often faulty (AF_ALG, AF_CAN, AF_RDS, AF_TIPC)',
    argument: 0,
    limit: {
      values: { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, AF_PACKET: 17 },
    },
  },
  {
    call: 'ioctl',
    why: 'terminals and devices that the box has',
    opens:
      'TIOCSTI and TIOCLINUX type into a terminal: into the shell from which tsbox was started (CVE-2017-5226)',
    argument: 1,
    limit: { not: { TIOCSTI: 0x5412, TIOCLINUX: 0x541c } },
  },
];

/**
 * AF_NETLINK, NETLINK_AUDIT without a capability for it: programs that log to the kernel's audit take
 * EINVAL for a kernel without, and go on; EPERM they take for a failure (pam, shadow).
 */
export const auditSocket = {
  family: 16,
  protocol: 9,
  by: ['CAP_AUDIT_WRITE'],
} as const satisfies { family: number; protocol: number; by: readonly CapabilityName[] };

export const guarded: readonly GuardedCalls[] = [
  {
    calls:
      words(`mount umount umount2 pivot_root fsopen fsconfig fsmount fspick open_tree move_mount
      mount_setattr open_tree_attr statmount listmount`),
    by: ['CAP_SYS_ADMIN'],
    why: 'mounts of the box',
    opens: 'mounting is a large and often faulty part of the kernel, and undoes what masks hide',
  },
  {
    calls: words('unshare setns'),
    by: ['CAP_SYS_ADMIN'],
    why: 'namespaces of its own',
    opens: 'in a user namespace of its own a process has every capability',
  },
  {
    calls: words('sethostname setdomainname'),
    by: ['CAP_SYS_ADMIN'],
    why: 'the name of the box',
    opens: 'a name that others take for the box’s',
  },
  {
    calls: words('quotactl quotactl_fd fanotify_init lookup_dcookie'),
    by: ['CAP_SYS_ADMIN'],
    why: 'file systems as a whole',
    opens: 'what happens to files outside the box can be seen or changed',
  },
  {
    calls: words('bpf'),
    by: ['CAP_BPF', 'CAP_SYS_ADMIN'],
    why: 'programs in the kernel',
    opens: 'programs in the kernel, whose verifier has often been outwitted',
  },
  {
    calls: words('perf_event_open'),
    by: ['CAP_PERFMON', 'CAP_SYS_ADMIN'],
    why: 'measurements of the processor',
    opens: 'what other programs do can be measured, and this code has often been faulty',
  },
  {
    calls: words('syslog'),
    by: ['CAP_SYSLOG'],
    why: 'the kernel’s log',
    opens: 'the kernel’s log tells of the host and of where its memory lies',
  },
  {
    calls: words('open_by_handle_at'),
    by: ['CAP_DAC_READ_SEARCH'],
    why: 'files by number',
    opens: 'files by number, wherever they lie in the host’s file system (Shocker, 2014)',
  },
  {
    calls: words('chroot'),
    by: ['CAP_SYS_CHROOT'],
    why: 'a root further in',
    opens: 'only what the capability allows anyway',
  },
  {
    calls: words('init_module finit_module delete_module query_module'),
    by: ['CAP_SYS_MODULE'],
    why: 'modules of the kernel',
    opens: 'any code in the kernel',
  },
  {
    calls: words('acct'),
    by: ['CAP_SYS_PACCT'],
    why: 'accounts of processes',
    opens: 'the kernel writes of every process into a file',
  },
  {
    calls: words('kcmp pidfd_getfd process_madvise'),
    by: ['CAP_SYS_PTRACE'],
    why: 'other processes of the box, from within',
    opens: 'descriptors and memory of other processes',
  },
  {
    calls: words('iopl ioperm'),
    by: ['CAP_SYS_RAWIO'],
    why: 'the ports of the machine',
    opens: 'the host’s hardware',
  },
  {
    calls: words('settimeofday stime clock_settime clock_settime64'),
    by: ['CAP_SYS_TIME'],
    why: 'the clock',
    opens: 'the clock is the whole host’s',
  },
  {
    calls: words('vhangup'),
    by: ['CAP_SYS_TTY_CONFIG'],
    why: 'terminals',
    opens: 'the terminal is taken from everyone who uses it',
  },
  {
    calls: words('reboot'),
    by: ['CAP_SYS_BOOT'],
    why: 'the end of the box',
    opens: 'outside a PID namespace, the end of the machine',
  },
];

export const denied: readonly DeniedCalls[] = [
  {
    calls: words('add_key request_key keyctl'),
    opens: 'the kernel’s keys are not kept apart by namespaces: those of the host’s users',
  },
  {
    calls: words('io_uring_setup io_uring_enter io_uring_register'),
    opens: 'io_uring makes calls that this filter does not see, and has often been faulty',
  },
  {
    calls: words('userfaultfd'),
    opens:
      'a program can stop the kernel in the middle of a copy, which makes its races easy to win',
  },
  { calls: words('kexec_load kexec_file_load'), opens: 'another kernel in place of the host’s' },
  { calls: words('swapon swapoff'), opens: 'the host’s memory, written to disks' },
  {
    calls: words('vmsplice'),
    opens: 'memory shared with the kernel while it changes: the class of CVE-2022-0847 and before',
  },
  {
    calls: words('migrate_pages move_pages set_mempolicy_home_node'),
    opens: 'where memory lies in the machine, of other processes too',
  },
  {
    calls: words('io_pgetevents io_pgetevents_time64'),
    opens: 'nothing that io_getevents does not do; C libraries do not use it',
  },
  {
    calls: words('lsm_get_self_attr lsm_set_self_attr lsm_list_modules'),
    opens: 'the labels of the host’s security modules',
  },
  {
    calls: words('vm86 vm86old pciconfig_iobase pciconfig_read pciconfig_write'),
    opens: 'modes of old processors, and hardware',
  },
  {
    calls:
      words(`uselib ustat sysfs _sysctl bdflush create_module get_kernel_syms nfsservctl getpmsg putpmsg
      afs_syscall tuxcall security vserver sgetmask ssetmask nice oldstat oldlstat oldfstat olduname
      oldolduname ulimit prof profil gtty stty lock mpx break ftime idle`),
    opens: 'what is left of old kernels, which nobody tests any more',
  },
];

/** A call that must look as if the kernel did not have it, unless one of the capabilities is held. */
export const absent = [
  {
    call: 'clone3',
    by: ['CAP_SYS_ADMIN'],
    why: 'its flags are in memory, where a filter does not see them: C libraries use clone instead',
    opens: 'namespaces, as with clone',
  },
] as const satisfies readonly {
  call: string;
  by: readonly CapabilityName[];
  why: string;
  opens: string;
}[];
