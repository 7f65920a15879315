/*
 * The workload of generated images: looks whether it is in a box at all, and ends with 42. What it
 * finds to be wrong is a line that begins with ESCAPED. Its argument is where the canaries are.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static void must_be(const char *path, long magic)
{
	struct statfs facts;
	if (statfs(path, &facts) != 0 || facts.f_type != magic)
		printf("ESCAPED: %s is not the kernel's\n", path);
}

static void must_not_open(const char *path, int flags)
{
	int file = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	if (file >= 0)
		printf("ESCAPED: %s can be opened\n", path);
	close(file);
}

int main(int argc, char **argv)
{
	char text[8192] = "";
	long result = readlink("/proc/self/cwd", text, sizeof text - 1);
	if (result > 0 && text[0] != '/')
		printf("ESCAPED: the working directory is %s\n", text);
	must_be("/proc", 0x9fa0);
	must_be("/sys", 0x62656572);
	must_be("/dev", 0x01021994);
	must_not_open("/proc/sys/kernel/panic_on_oops", O_WRONLY);
	must_not_open("/proc/sysrq-trigger", O_WRONLY);
	must_not_open("/sys/power/state", O_WRONLY);
	struct stat facts;
	if (stat("/proc/kcore", &facts) == 0 && (!S_ISCHR(facts.st_mode) || facts.st_rdev != makedev(1, 3)))
		printf("ESCAPED: /proc/kcore is not covered\n");
	for (int file = 3; file < 200; file++)
		if (fcntl(file, F_GETFD) >= 0)
			printf("ESCAPED: descriptor %d is open\n", file);
	for (int i = 0; argc > 1 && i < 3; i++) {
		static const char *const ways[] = {"", "/proc/self/root", "/proc/1/cwd/../../../../../.."};
		snprintf(text, sizeof text, "%s%s/directory/secret", ways[i], argv[1]);
		must_not_open(text, O_RDONLY);
	}
	return 42;
}
