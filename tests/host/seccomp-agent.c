/*
 * An agent for SCMP_ACT_NOTIFY: listens at argv[1], says "ready", prints the state that it is sent with
 * a listener, answers the calls with EDOM until nobody makes any, and says how many there were.
 */
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EDOM_ = 33 };

static int take(int connection)
{
	char text[4096] = "", control[CMSG_SPACE(sizeof(int))];
	struct iovec vector = {text, sizeof text - 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	if (recvmsg(connection, &message, 0) <= 0 || CMSG_FIRSTHDR(&message) == NULL)
		exit(1);
	puts(text);
	fflush(stdout);
	return *(int *)CMSG_DATA(CMSG_FIRSTHDR(&message));
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (argc < 2)
		return 1;
	strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 1) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	int listener = take(accept(server, NULL, NULL)), calls = 0;
	for (;;) {
		struct pollfd ready = {listener, POLLIN, 0};
		poll(&ready, 1, -1);
		if (!(ready.revents & POLLIN))
			break;
		struct seccomp_notif made = {0};
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &made) < 0)
			continue;
		struct seccomp_notif_resp answer = {.id = made.id, .error = -EDOM_};
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
		calls++;
	}
	printf("%d\n", calls);
	return 0;
}
