/*
 * How long a key takes to a terminal's echo: runs a program at a terminal of its own, waits until it
 * prints a tilde, then types a character at a time. Prints nanoseconds, one line for each.
 *   echo COUNT PROGRAM [ARG...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* Reads until the character comes; ends the program when none does in time. */
static void await(int terminal, char wanted)
{
	for (;;) {
		char text[4096];
		struct pollfd ready = {terminal, POLLIN, 0};
		if (poll(&ready, 1, 60000) <= 0)
			exit(1);
		ssize_t size = read(terminal, text, sizeof text);
		if (size <= 0)
			exit(1);
		if (memchr(text, wanted, (size_t)size) != NULL)
			return;
	}
}

int main(int argc, char **argv)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (argc < 3 || terminal < 0 || unlockpt(terminal) < 0)
		return 2;
	pid_t child = fork();
	if (child == 0) {
		setsid();
		int peer = open(ptsname(terminal), O_RDWR);
		for (int stream = 0; stream < 3; stream++)
			dup2(peer, stream);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	await(terminal, '~');
	struct timespec pause = {0, 20000000};
	for (long count = atol(argv[1]); count > 0; count--) {
		/* As someone who types: what was woken for the last key sleeps again. */
		nanosleep(&pause, NULL);
		long start = now();
		if (write(terminal, "x", 1) != 1)
			return 1;
		await(terminal, 'x');
		printf("%ld\n", now() - start);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
