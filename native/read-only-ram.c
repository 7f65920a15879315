/*
 * Preloaded into a QEMU that opens the file of its guest's memory for writing although it maps it
 * copy-on-write, as those before 8.2 do: /memory, a template's, is opened for reading alone. Otherwise a guest
 * that has taken over QEMU could write into what other machines start from.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int open_safely(const char *path, int flags, mode_t mode)
{
	if (strcmp(path, "/memory") == 0 && (flags & O_ACCMODE) == O_RDWR)
		flags = (flags & ~O_ACCMODE) | O_RDONLY;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* open(2): the mode is there only with these. */
static int takes_mode(int flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

/* The C library's names for it: with files of more than 2^31 bytes, and as checked by _FORTIFY_SOURCE. */
#define NAMED_OPEN(name, large) \
	int name(const char *path, int flags, ...); \
	int name(const char *path, int flags, ...) \
	{ \
		mode_t mode = 0; \
		if (takes_mode(flags)) { \
			va_list rest; \
			va_start(rest, flags); \
			mode = va_arg(rest, mode_t); \
			va_end(rest); \
		} \
		return open_safely(path, flags | (large), mode); \
	}

#define CHECKED_OPEN(name, large) \
	int name(const char *path, int flags); \
	int name(const char *path, int flags) { return open_safely(path, flags | (large), 0); }

NAMED_OPEN(open, 0)
NAMED_OPEN(open64, O_LARGEFILE)
CHECKED_OPEN(__open_2, 0)
CHECKED_OPEN(__open64_2, O_LARGEFILE)
