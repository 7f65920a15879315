/*
 * refuse-calls ERRNO PROGRAM [ARGUMENT...]: executes the program where the calls that make mounts by
 * descriptors (open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr) give that
 * errno, as on an old kernel or in an outer container of an old docker.
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

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	unsigned error = (unsigned)atoi(argv[1]);
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount_setattr, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_open_tree, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_fspick, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof instructions / sizeof *instructions, instructions};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("refuse-calls");
		return 2;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
