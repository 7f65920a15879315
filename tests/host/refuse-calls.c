/*
 * refuse-calls ERRNO[:NUMBER[=ARGUMENT],...] PROGRAM [ARGUMENT...]: executes the program where the calls
 * of these numbers (with that first argument) give that errno, as in an outer container; without
 * numbers those that make mounts by descriptors (open_tree, move_mount, fsopen, fsconfig, fsmount,
 * fspick, mount_setattr), as on an old kernel or in an outer container of an old docker.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 16, PER_CALL = 5 };

static const unsigned by_descriptor[] = {SYS_open_tree, SYS_move_mount, SYS_fsopen,        SYS_fsconfig,
					 SYS_fsmount,   SYS_fspick,     SYS_mount_setattr};

static struct sock_filter instructions[MOST * PER_CALL + 2];
static unsigned short length;

static void add(unsigned short code, unsigned value, unsigned char when, unsigned char otherwise)
{
	instructions[length++] = (struct sock_filter){code, when, otherwise, value};
}

static void load(unsigned offset)
{
	add(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void refuse(unsigned number, unsigned error)
{
	add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
	add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error, 0, 0);
}

static void refuse_with(unsigned number, unsigned argument, unsigned error)
{
	add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
	load(offsetof(struct seccomp_data, args));
	refuse(argument, error);
	load(offsetof(struct seccomp_data, nr));
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	char *rest;
	unsigned error = (unsigned)strtoul(argv[1], &rest, 10);
	load(offsetof(struct seccomp_data, nr));
	if (*rest == '\0')
		for (size_t i = 0; i < sizeof by_descriptor / sizeof *by_descriptor; i++)
			refuse(by_descriptor[i], error);
	for (int count = 0; *rest != '\0' && count < MOST; count++) {
		unsigned number = (unsigned)strtoul(rest + 1, &rest, 10);
		if (*rest == '=')
			refuse_with(number, (unsigned)strtoul(rest + 1, &rest, 10), error);
		else
			refuse(number, error);
	}
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	struct sock_fprog program = {length, instructions};
	/* With the right to it, programs may still gain privileges under the filter, as newuidmap does. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)) {
		perror("refuse-calls");
		return 2;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
