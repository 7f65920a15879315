/*
 * Runs a program on a terminal of its own, as a user does, passes on what it prints, and tells at the
 * end what is left in the terminal for the next one to read: INJECTED, and the text.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[4096];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (argc < 2 || master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		return 2;
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(slave, i);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	int status = 0, ended = 0;
	while (!ended || poll(&(struct pollfd){master, POLLIN, 0}, 1, 100) > 0) {
		if (poll(&(struct pollfd){master, POLLIN, 0}, 1, 20) > 0) {
			long size = read(master, text, sizeof text);
			if (size > 0 && write(1, text, size) < 0)
				return 2;
		}
		ended = ended || waitpid(pid, &status, WNOHANG) == pid;
	}
	fcntl(slave, F_SETFL, O_NONBLOCK);
	long size = read(slave, text, sizeof text);
	if (size > 0)
		dprintf(1, "INJECTED %.*s", (int)size, text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
