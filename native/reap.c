/*
 * PID 1 of a box whose workload is not made for it: passes signals on to the workload and reaps what
 * nobody waits for. It has by then no more rights than the workload, and no descriptor.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/sched.h>
#include <linux/time.h>

#include "init.h"

enum { SIG_SETMASK_ = 2, SIGCHLD_ = 17, WNOHANG_ = 1, WNOWAIT_ = 0x1000000 };

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

/* A seccomp profile of the workload's holds for this process, too. */
static _Noreturn void unable(void)
{
	static const char text[] = "tsbox-init: the seccomp profile denies a call that --init needs: wait4, "
	                           "rt_sigtimedwait, close_range or kill: allow them, or leave --init out\n";
	sys3(__NR_write, 2, text, sizeof text - 1);
	end(EXIT_TSBOX);
}

/* While there is somebody to be told. */
static void try_calls(long workload)
{
	const uint64_t none = 0;
	const struct timespec now = {0, 0};
	/* wait4(2) knows no option that leaves a child as it is: it refuses this one. */
	if (sys4(__NR_wait4, -1, 0, WNOWAIT_, 0) != -EINVAL || sys2(__NR_kill, workload, 0) < 0 ||
	    sys4(__NR_rt_sigtimedwait, &none, 0, &now, sizeof none) != -EAGAIN ||
	    sys3(__NR_close_range, ~0u, ~0u, 0) < 0)
		unable();
}

static void reap(long workload)
{
	for (;;) {
		uint32_t status = 0;
		long pid = sys4(__NR_wait4, -1, &status, WNOHANG_, 0);
		if (pid == 0 || pid == -ECHILD)
			return;
		if (pid < 0)
			end(EXIT_TSBOX);
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
	try_calls(workload);
	sys3(__NR_close_range, 0, ~0u, 0);
	for (;;) {
		long signal = sys4(__NR_rt_sigtimedwait, &all, 0, 0, sizeof all);
		if (signal == SIGCHLD_)
			reap(workload);
		else if (signal > 0)
			sys2(__NR_kill, workload, signal);
		else if (signal != -EINTR && signal != -EAGAIN)
			end(EXIT_TSBOX);
	}
}
