/* Tells of the process that it is, one line for each thing that no file of /proc shows. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/keyctl.h>

/* connect(2) to the abstract socket of that name: 0, or the error. */
static int reach(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	memcpy(address.sun_path + 1, name, length);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int failed = connect(fd, (void *)&address, offsetof(struct sockaddr_un, sun_path) + 1 + length);
	return failed ? errno : 0;
}

int main(int argc, char **argv)
{
	printf("keyring %ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	printf("securebits %d\n", prctl(PR_GET_SECUREBITS));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
	printf("scheduler %ld\n", syscall(SYS_sched_getscheduler, 0));
	printf("personality %d\n", personality(0xffffffff));
	if (argc > 1)
		printf("socket %d\n", reach(argv[1]));
	return 0;
}
