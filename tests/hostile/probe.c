/*
 * What a process finds of the system around it: one line for each fact, `name=value`. The same program
 * runs in tsbox and in its peers, also where nothing is refused, so nothing that it tries may do harm
 * where it succeeds: files are opened and closed, system calls get arguments that mean nothing.
 *
 * calls.h, made by the compiler's own list of system calls (tests/hostile/probe.ts), is a table of
 * {"name", number}.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
	const char *name;
	long number;
};
static const struct call calls[] = {
#include "calls.h"
};

/* Those that have no argument to be wrong, wait, or would leave something behind. */
static const char *const passed_over[] = {
    "exit", "exit_group", "fork", "vfork", "pause", "vhangup", "sync", "rt_sigreturn", "restart_syscall",
    "msgget", "init_module", "syscalls", "arch_specific_syscall", "munlockall", "mlockall",
};

static const char *result_of(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

/* In a child, as it may be ended for it. */
static void attempt(const char *name, long (*try)(long), long argument)
{
	int ends[2];
	char text[64] = "";
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(2);
		const char *result = result_of(try(argument));
		_exit(write(ends[1], result, strlen(result)) < 0);
	}
	close(ends[1]);
	int status = 0;
	long size = read(ends[0], text, sizeof text - 1);
	close(ends[0]);
	waitpid(pid, &status, 0);
	if (size <= 0)
		snprintf(text, sizeof text, "%s", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "ended");
	printf("%s=%s\n", name, text);
}

static long call_without_sense(long number)
{
	return syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
}

static void try_calls(void)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		char name[80];
		int pass = 0;
		for (size_t k = 0; k < sizeof passed_over / sizeof *passed_over; k++)
			pass |= strcmp(calls[i].name, passed_over[k]) == 0;
		snprintf(name, sizeof name, "call %s", calls[i].name);
		if (!pass)
			attempt(name, call_without_sense, calls[i].number);
	}
}

#include "probe-deeds.h"

/* What can be read */

static void status(void)
{
	static const char *const wanted[] = {"Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Seccomp_filters", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigBlk", "SigIgn", "SigCgt", "Umask", "NStgid", "Speculation_Store_Bypass", "THP_enabled"};
	char line[1000];
	FILE *file = fopen("/proc/self/status", "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			size_t length = strlen(wanted[i]);
			if (strncmp(line, wanted[i], length) != 0 || line[length] != ':')
				continue;
			printf("status %s=", wanted[i]);
			for (char *word = strtok(line + length + 1, " \t\n"), *first = word; word != NULL; word = strtok(NULL, " \t\n"))
				printf("%s%s", word == first ? "" : " ", word);
			printf("\n");
		}
	if (file != NULL)
		fclose(file);
}

/* The whole of a small file on one line. */
static void text_of(const char *name, const char *path)
{
	char text[2000] = "";
	int file = open(path, O_RDONLY | O_CLOEXEC);
	long size = file < 0 ? -1 : read(file, text, sizeof text - 1);
	if (size < 0) {
		printf("%s=%s\n", name, strerrorname_np(errno));
	} else {
		printf("%s=", name);
		for (char *word = strtok(text, " \t\n"), *first = word; word != NULL; word = strtok(NULL, " \t\n"))
			printf("%s%s", word == first ? "" : " ", word);
		printf("\n");
	}
	if (file >= 0)
		close(file);
}

static void namespaces(void)
{
	static const char *const kinds[] = {"pid", "mnt", "uts", "ipc", "net", "cgroup", "user", "time"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char path[64], target[64] = "";
		snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
		printf("namespace %s=%s\n", kinds[i], readlink(path, target, sizeof target - 1) < 0 ? strerrorname_np(errno) : target);
	}
}

static void limits(void)
{
	static const char *const names[] = {"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
	for (int i = 0; i < 16; i++) {
		struct rlimit limit;
		getrlimit(i, &limit);
		printf("limit %s=%lld %lld\n", names[i], (long long)limit.rlim_cur, (long long)limit.rlim_max);
	}
}

/* proc_pid_mountinfo(5), without what differs from run to run: place, options, file system and its own. */
static void mounts(void)
{
	char line[4000], place[1000], options[400], type[64];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *separator = strstr(line, " - ");
		if (separator == NULL || sscanf(line, "%*s %*s %*s %*s %999s %399s", place, options) != 2 || sscanf(separator, " - %63s", type) != 1)
			continue;
		const char *group = strstr(line, " shared:");
		int shared = group != NULL && group < separator;
		printf("mount %s=%s %s%s\n", place, type, options, shared ? " shared" : "");
	}
	if (file != NULL)
		fclose(file);
}

static const char *opened(const char *path, int flags)
{
	int file = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0)
		return strerrorname_np(errno);
	close(file);
	return "ok";
}

static const char *content_of(const char *path)
{
	char some[64];
	int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return strerrorname_np(errno);
	long size = read(file, some, sizeof some);
	const char *result = size > 0 ? "ok" : size == 0 ? "nothing" : strerrorname_np(errno);
	close(file);
	return result;
}

/* Whether it can be read and written, and whether there is anything in it: what is masked may be read. */
static void file_fact(const char *path)
{
	struct stat facts;
	if (stat(path, &facts) != 0) {
		printf("file %s=%s\n", path, strerrorname_np(errno));
		return;
	}
	if (S_ISDIR(facts.st_mode)) {
		int count = 0;
		DIR *directory = opendir(path);
		while (directory != NULL && readdir(directory) != NULL)
			count++;
		if (directory != NULL)
			closedir(directory);
		printf("file %s=directory %s writable:%s\n", path, count > 2 ? "filled" : "empty", access(path, W_OK) == 0 ? "ok" : strerrorname_np(errno));
		return;
	}
	const char *kind = S_ISCHR(facts.st_mode) ? "device" : S_ISBLK(facts.st_mode) ? "disk" : "file";
	printf("file %s=%s read:%s write:", path, kind, S_ISREG(facts.st_mode) ? content_of(path) : opened(path, O_RDONLY));
	printf("%s\n", opened(path, O_WRONLY | O_APPEND));
}

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static void files_in(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, by_name);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[400];
		snprintf(path, sizeof path, "%s/%s", directory, name);
		if (name[0] != '.' && !(name[0] >= '0' && name[0] <= '9'))
			file_fact(path);
	}
}

static void files(void)
{
	static const char *const directories[] = {"/proc", "/proc/sys/kernel", "/proc/sys/net/ipv4", "/proc/sys/fs", "/proc/sys/vm", "/proc/1", "/dev", "/sys", "/sys/fs", "/sys/kernel", "/sys/fs/cgroup", "/sys/class/net"};
	static const char *const single[] = {"/proc/1/mem", "/proc/1/environ", "/proc/1/root/etc", "/proc/irq/default_smp_affinity", "/proc/bus/pci", "/proc/fs/ext4", "/sys/power/state", "/sys/kernel/uevent_helper", "/sys/kernel/security", "/sys/kernel/debug/x", "/sys/fs/cgroup/cgroup.procs", "/sys/firmware/acpi", "/sys/devices/system/cpu/online", "/proc/asound", "/proc/scsi"};
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		files_in(directories[i]);
	for (size_t i = 0; i < sizeof single / sizeof *single; i++)
		file_fact(single[i]);
}

static void surroundings(char **environment)
{
	struct utsname names;
	char text[4096] = "";
	uname(&names);
	printf("host name=%s\nmachine=%s\n", names.nodename, names.machine);
	printf("directory=%s\n", getcwd(text, sizeof text) == NULL ? strerrorname_np(errno) : text);
	printf("process=%d parent %s session %s\n", getpid() == 1, getppid() == 0 ? "none" : "some", getsid(0) == getpid() ? "own" : "other");
	for (; *environment != NULL; environment++)
		printf("environment %s\n", *environment);
	int processes = 0;
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;)
		processes += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	if (proc != NULL)
		closedir(proc);
	printf("processes=%s\n", processes <= 1 ? "one" : processes <= 3 ? "few" : "many");
	struct if_nameindex *interfaces = if_nameindex();
	for (struct if_nameindex *one = interfaces; one != NULL && one->if_index != 0; one++)
		printf("interface %s=%s\n", one->if_name, "there");
	int descriptors = 0;
	for (int i = 0; i < 1024; i++)
		descriptors += fcntl(i, F_GETFD) >= 0;
	printf("descriptors=%d\n", descriptors);
	printf("dumpable=%d\nkeep capabilities=%d\nsecure bits=%d\n", prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS));
	int signal = 0;
	prctl(PR_GET_PDEATHSIG, &signal);
	printf("parent death signal=%d\n", signal);
	printf("scheduler=%d nice %d processors %s\n", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0), sysconf(_SC_NPROCESSORS_ONLN) > 0 ? "some" : "none");
	printf("personality=%x\n", personality(0xffffffff));
}

int main(int argc, char **argv, char **environment)
{
	(void)argv;
	umask(umask(0));
	surroundings(environment);
	text_of("uid_map", "/proc/self/uid_map");
	text_of("gid_map", "/proc/self/gid_map");
	text_of("setgroups", "/proc/self/setgroups");
	text_of("oom_score_adj", "/proc/self/oom_score_adj");
	text_of("cgroup", "/proc/self/cgroup");
	text_of("coredump_filter", "/proc/self/coredump_filter");
	text_of("security label", "/proc/self/attr/current");
	status();
	namespaces();
	limits();
	mounts();
	if (argc > 1) /* the rest takes a while */
		return 0;
	files();
	snprintf(scratch, sizeof scratch, "/tmp/probe-XXXXXX");
	if (mkdtemp(scratch) == NULL)
		snprintf(scratch, sizeof scratch, "/dev/shm");
	try_deeds();
	try_calls();
	char path[100];
	snprintf(path, sizeof path, "%s/file", scratch);
	unlink(path);
	rmdir(scratch);
	return 0;
}
