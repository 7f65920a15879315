/*
 * Opens and makes device nodes as a workload would, and writes down which of that is refused with
 * EPERM, the errno of device filters: any other result comes from behind them.
 *   device-probe RESULT DIRECTORY TYPE:MAJOR:MINOR:ACCESS…
 * RESULT gets a letter for each attempt: n(o), y(es). The node TYPE-MAJOR-MINOR is in DIRECTORY.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int attempt(const char *directory, char type, unsigned major, unsigned minor, const char *access) {
	char path[4096];

	if (strcmp(access, "m") == 0) {
		snprintf(path, sizeof path, "/made-%c-%u-%u", type, major, minor);
		unlink(path);
		return mknod(path, type == 'b' ? S_IFBLK : S_IFCHR, makedev(major, minor));
	}
	snprintf(path, sizeof path, "%s/%c-%u-%u", directory, type, major, minor);
	int mode = strcmp(access, "rw") == 0 ? O_RDWR : strcmp(access, "w") == 0 ? O_WRONLY : O_RDONLY;
	int fd = open(path, mode | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
	return fd;
}

int main(int argc, char **argv) {
	FILE *result = fopen(argv[1], "w");

	for (int index = 3; index < argc; index++) {
		char type, access[3];
		unsigned major, minor;
		if (sscanf(argv[index], "%c:%u:%u:%2s", &type, &major, &minor, access) != 4)
			return 2;
		errno = 0;
		fputc(attempt(argv[2], type, major, minor, access) < 0 && errno == EPERM ? 'n' : 'y', result);
	}
	return fclose(result) == 0 ? 0 : 1;
}
