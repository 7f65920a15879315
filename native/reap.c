/*
 * PID 1 of a box whose workload is not made for it: passes signals on to the workload and reaps what
 * nobody waits for. It has by then no more rights than the workload, and no descriptor.
 */
#include <asm/ioctls.h>
#include <linux/sched.h>

#include "init.h"

enum { SIG_SETMASK_ = 2, SIGCHLD_ = 17, WNOHANG_ = 1 };

/* As a process group of its own, in the foreground where there is a terminal: its keys send signals to
 * that group, and this process need not pass them on a second time. All signals are blocked. */
static void leave_group(void)
{
	sys2(__NR_setpgid, 0, 0);
	const int own = (int)sys0(__NR_getpid);
	sys3(__NR_ioctl, 0, TIOCSPGRP, &own);
}

/* As a shell has it: 128 and the signal. */
static int exit_status(uint32_t status)
{
	uint32_t signal = status & 0x7f;
	return signal == 0 ? (int)(status >> 8 & 0xff) : (int)(128 + signal);
}

static void reap(long workload)
{
	for (;;) {
		uint32_t status = 0;
		long pid = sys4(__NR_wait4, -1, &status, WNOHANG_, 0);
		if (pid <= 0)
			return;
		if (pid == workload)
			end(exit_status(status));
	}
}

int64_t become_init(void)
{
	const uint64_t all = ~0ull;
	uint64_t before = 0;
	sys4(__NR_rt_sigprocmask, SIG_SETMASK_, &all, &before, sizeof all);
	long workload = sys5(__NR_clone, SIGCHLD_, 0, 0, 0, 0);
	if (workload <= 0) {
		if (workload == 0)
			leave_group();
		sys4(__NR_rt_sigprocmask, SIG_SETMASK_, &before, 0, sizeof before);
		return workload;
	}
	sys3(__NR_close_range, 0, ~0u, 0);
	for (;;) {
		long signal = sys4(__NR_rt_sigtimedwait, &all, 0, 0, sizeof all);
		if (signal == SIGCHLD_)
			reap(workload);
		else if (signal > 0)
			sys2(__NR_kill, workload, signal);
	}
}
