/* Makes system calls as a hostile workload would, raw, and prints how each ended: a name, then errno. */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(name, ...)                                                    \
	do {                                                              \
		errno = 0;                                                \
		long result = syscall(__VA_ARGS__);                       \
		if (result == 0 && (is_clone(name)))                      \
			_exit(0);                                         \
		printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "done"); \
		fflush(stdout);                                           \
	} while (0)

/* A child of a clone that was let through says nothing. */
static int is_clone(const char *name)
{
	return strncmp(name, "clone", 5) == 0;
}

int main(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	const unsigned long high = 1ul << 32;
	TRY("getpid", SYS_getpid);
	TRY("clone", SYS_clone, SIGCHLD, 0, 0, 0, 0);
	TRY("clone-newuser", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	TRY("clone-newpid", SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	TRY("clone3", SYS_clone3, &args, sizeof args);
	TRY("unshare-newuser", SYS_unshare, CLONE_NEWUSER);
	TRY("setns", SYS_setns, 0, 0);
	TRY("tiocsti", SYS_ioctl, 0, 0x5412, "x");
	TRY("tiocsti-high", SYS_ioctl, 0, high | 0x5412, "x");
	TRY("tioclinux", SYS_ioctl, 0, 0x541c, "x");
	TRY("add_key", SYS_add_key, "user", "a", "b", 1, -2);
	TRY("keyctl", SYS_keyctl, 0, -3, 0);
	TRY("request_key", SYS_request_key, "user", "a", 0, 0);
	TRY("bpf", SYS_bpf, 0, 0, 0);
	TRY("perf_event_open", SYS_perf_event_open, 0, 0, -1, -1, 0);
	TRY("userfaultfd", SYS_userfaultfd, 0);
	TRY("open_by_handle_at", SYS_open_by_handle_at, 0, 0, 0);
	TRY("kexec_load", SYS_kexec_load, 0, 0, 0, 0);
	TRY("init_module", SYS_init_module, 0, 0, "");
	TRY("io_uring_setup", SYS_io_uring_setup, 1, 0);
	TRY("mount", SYS_mount, "a", "/tmp", "tmpfs", 0, 0);
	TRY("umount2", SYS_umount2, "/proc", 2);
	TRY("pivot_root", SYS_pivot_root, ".", ".");
	TRY("fsopen", SYS_fsopen, "tmpfs", 0);
	TRY("syslog", SYS_syslog, 10, 0, 0);
	TRY("reboot", SYS_reboot, 0, 0, 0, 0);
	TRY("swapoff", SYS_swapoff, "/");
	TRY("acct", SYS_acct, 0);
	TRY("iopl", SYS_iopl, 3);
	TRY("personality", SYS_personality, 0xffffffff);
	TRY("personality-no-random", SYS_personality, 0x40000);
	TRY("socket-unix", SYS_socket, 1, 1, 0);
	TRY("socket-inet", SYS_socket, 2, 1, 0);
	TRY("socket-vsock", SYS_socket, 40, 1, 0);
	TRY("socket-vsock-high", SYS_socket, high | 40, 1, 0);
	TRY("socket-alg", SYS_socket, 38, 5, 0);
	TRY("x32", 0x40000000 + SYS_getpid);
	TRY("newer", 900);
	while (wait(NULL) > 0)
		;
	return 0;
}
