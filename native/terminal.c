/* See terminal.h. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/unistd.h>
#include <stddef.h>

#include "syscall.h"
#include "terminal.h"

enum { SCM_RIGHTS_ = 1, SOL_SOCKET_ = 1, MSG_DONTWAIT_ = 0x40, MSG_CMSG_CLOEXEC_ = 0x40000000 };

/* As the kernel has them on 64-bit processors, linux/socket.h; no header for programs does without a C library. */
struct vector {
	void *base;
	size_t length;
};

struct message {
	void *name;
	long name_length;
	struct vector *vectors;
	size_t vector_count;
	void *control;
	size_t control_length;
	long flags;
};

struct control {
	size_t length;
	int level, type, descriptor, padding;
};

int receive_terminal(int socket)
{
	char byte;
	struct vector vector = {&byte, 1};
	struct control control = {0, 0, 0, -1, 0};
	struct message message = {NULL, 0, &vector, 1, &control, sizeof control, 0};
	long size = sys3(__NR_recvmsg, socket, &message, MSG_DONTWAIT_ | MSG_CMSG_CLOEXEC_);
	if (size == -EAGAIN || size == -EINTR)
		return -1;
	if (size <= 0 || control.level != SOL_SOCKET_ || control.type != SCM_RIGHTS_)
		return -2;
	return control.descriptor;
}

void resize_terminal(int terminal, const struct window_size *size)
{
	const uint16_t window[4] = {size->rows, size->columns, 0, 0};
	if (terminal >= 0)
		sys3(__NR_ioctl, terminal, TIOCSWINSZ, window);
}
