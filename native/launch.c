/*
 * No JavaScript runs in a cloned child: V8 has threads, and a child has only the one that called
 * clone. So the child does here what it must, with raw system calls alone, and becomes tsbox-init.
 */
#include "launch.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>

#include "syscall.h"

enum { SIG_BLOCK_ = 0, SIG_SETMASK_ = 2, AT_EMPTY_PATH_ = 0x1000, MAX_FILES = 64, EXIT_TSBOX = 125 };

/*
 * A process in a new user namespace holds every capability there, but its user has no mapping yet,
 * so that execve(2) would take them all: only ambient ones stay (capabilities(7)). Returns 0 or a
 * negative errno.
 */
static int64_t keep_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	long result = sys2(__NR_capget, &header, sets);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].inheritable = sets[i].permitted;
	if (result == 0)
		result = sys2(__NR_capset, &header, sets);
	for (long number = 0; result == 0 && number <= CAP_LAST_CAP; number++)
		if (sets[number / 32].permitted & (1u << (number % 32)))
			result = sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0);
	return result;
}

/*
 * In the child: gives descriptor i the file that the parent has as files[i], closes all others, and
 * executes the last of them. Returns a negative errno, or not at all.
 */
static __attribute__((noinline)) int64_t become(const int32_t *files, size_t count)
{
	/* First out of the way, or a number could be overwritten before it is used. */
	long away[MAX_FILES];
	for (size_t i = 0; i < count; i++) {
		away[i] = sys3(__NR_fcntl, files[i], F_DUPFD_CLOEXEC, MAX_FILES);
		if (away[i] < 0)
			return away[i];
	}
	for (size_t i = 0; i < count; i++) {
		long copy = sys3(__NR_dup3, away[i], i, i == count - 1 ? O_CLOEXEC : 0);
		if (copy < 0)
			return copy;
	}
	long closed = sys3(__NR_close_range, count, ~0u, 0);
	if (closed < 0)
		return closed;
	char *const argv[] = {"tsbox-init", "container", NULL};
	char *const environment[] = {NULL};
	return sys5(__NR_execveat, count - 1, "", argv, environment, AT_EMPTY_PATH_);
}

int64_t tsbox_launch(struct clone_args *args, const int32_t *files, size_t count)
{
	if (count < 1 || count > MAX_FILES)
		return -EINVAL;
	/* A handler that ran in the child would write into the parent's memory. */
	const uint64_t all = ~(uint64_t)0;
	uint64_t before = 0;
	volatile int64_t failure = 0;
	sys4(__NR_rt_sigprocmask, SIG_BLOCK_, &all, &before, sizeof all);
	int64_t pid = sys2(__NR_clone3, args, sizeof *args);
	if (pid == 0) {
		failure = args->flags & CLONE_NEWUSER ? keep_capabilities() : 0;
		if (failure == 0)
			failure = become(files, count);
		for (;;)
			sys1(__NR_exit_group, EXIT_TSBOX);
	}
	sys4(__NR_rt_sigprocmask, SIG_SETMASK_, &before, NULL, sizeof before);
	if (pid > 0 && failure < 0) {
		sys5(__NR_wait4, pid, 0, 0, 0, 0);
		if (args->flags & CLONE_PIDFD)
			sys1(__NR_close, *(const int *)(uintptr_t)args->pidfd);
		return failure;
	}
	return pid;
}
