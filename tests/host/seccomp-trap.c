/*
 * Makes a call that its seccomp profile denies, with SIGSYS as argv[1] says: default, ignored, blocked,
 * caught, or caught by a handler that has calls made again (restarting). "thread" makes it in a second
 * thread. Says how the call ended, and what the handler was told.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void handle(int signal, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;
#ifdef __x86_64__
	long result = interrupted->uc_mcontext.gregs[REG_RAX], at = interrupted->uc_mcontext.gregs[REG_RIP];
#else
	long result = interrupted->uc_mcontext.regs[0], at = interrupted->uc_mcontext.pc;
#endif
	printf("handler: signal %d, errno %d, code %d, call %d, arch %x, result %ld, at its call: %d\n", signal, info->si_errno,
	       info->si_code, info->si_syscall, info->si_arch, result, (long)info->si_call_addr == at);
	fflush(stdout);
}

static void *call(void *unused)
{
	(void)unused;
	long result = syscall(SYS_mkdirat, -100, "/made", 0755);
	printf("call: %ld %s\n", result, result < 0 ? strerrorname_np(errno) : "");
	fflush(stdout);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | (strcmp(how, "restarting") == 0 ? SA_RESTART : 0)};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	if (strcmp(how, "ignored") == 0)
		signal(SIGSYS, SIG_IGN);
	if (strcmp(how, "blocked") == 0)
		sigprocmask(SIG_BLOCK, &set, NULL);
	if (strcmp(how, "caught") == 0 || strcmp(how, "restarting") == 0)
		sigaction(SIGSYS, &action, NULL);
	if (strcmp(how, "thread") == 0) {
		pthread_t thread;
		pthread_create(&thread, NULL, call, NULL);
		pthread_join(thread, NULL);
	} else
		call(NULL);
	puts("lived");
	return 0;
}
