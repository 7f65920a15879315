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

/* What a hostile program would want to do. */

static char scratch[64];

static long make_namespace(long kind)
{
	return unshare((int)kind);
}
static long open_socket(long family)
{
	return socket((int)family, family == AF_PACKET ? SOCK_RAW : SOCK_DGRAM, 0);
}
static long open_stream(long family)
{
	return socket((int)family, SOCK_STREAM, 0);
}
static long raw_socket(long protocol)
{
	return socket(AF_INET, SOCK_RAW, (int)protocol);
}
static long mount_memory(long inside)
{
	if (inside && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return -1;
	if (!inside && unshare(CLONE_NEWNS) != 0)
		return -1;
	return mount("none", scratch, "tmpfs", 0, NULL);
}
static long make_device(long kind)
{
	char path[100];
	snprintf(path, sizeof path, "%s/node", scratch);
	long result = mknod(path, (kind == 0 ? S_IFIFO : S_IFCHR) | 0600, kind == 0 ? 0 : makedev(1, kind));
	int error = errno;
	unlink(path);
	errno = error;
	return result;
}
static long open_device(long minor)
{
	char path[100];
	snprintf(path, sizeof path, "%s/node", scratch);
	long result = mknod(path, S_IFCHR | 0600, makedev(1, minor));
	result = result < 0 ? result : open(path, O_RDONLY | O_NONBLOCK);
	int error = errno;
	unlink(path);
	errno = error;
	return result;
}
static long give_away(long owner)
{
	char path[100];
	snprintf(path, sizeof path, "%s/file", scratch);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	return chown(path, (uid_t)owner, (gid_t)owner);
}
static long bind_port(long port)
{
	struct {
		unsigned short family, port;
		char rest[28];
	} address = {AF_INET, (unsigned short)((port << 8 | port >> 8) & 0xffff), ""};
	int file = socket(AF_INET, SOCK_STREAM, 0);
	return file < 0 ? file : bind(file, (struct sockaddr *)&address, 16);
}
static long become(long id)
{
	return setresuid((uid_t)id, (uid_t)id, (uid_t)id);
}
static long raise_limit(long which)
{
	struct rlimit limit;
	getrlimit(which, &limit);
	limit.rlim_max++;
	return setrlimit(which, &limit);
}
static long be_nicer(long nice)
{
	return setpriority(PRIO_PROCESS, 0, (int)nice);
}
static long be_realtime(long policy)
{
	return sched_setscheduler(0, (int)policy, &(struct sched_param){.sched_priority = 1});
}
static long lock_memory(long size)
{
	void *memory = malloc((size_t)size);
	return syscall(SYS_mlock, memory, size);
}
static long trace_me(long ignored)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, ignored);
}
static long trace_child(long ignored)
{
	pid_t pid = fork();
	if (pid == 0) {
		sleep(1);
		_exit(0);
	}
	long result = ptrace(PTRACE_SEIZE, pid, NULL, ignored);
	int error = errno;
	kill(pid, SIGKILL);
	errno = error;
	return result;
}
static long change_personality(long persona)
{
	return personality((unsigned long)persona);
}
static long enter_root(long ignored)
{
	(void)ignored;
	return chroot("/");
}
static long set_name(long ignored)
{
	/* Its own name, so that nothing changes where it may. */
	struct utsname names;
	(void)ignored;
	uname(&names);
	return sethostname(names.nodename, strlen(names.nodename));
}
static long read_kernel_log(long kind)
{
	return syscall(SYS_syslog, kind, NULL, 0);
}
static long make_key(long keyring)
{
	return syscall(SYS_keyctl, 0L /* KEYCTL_GET_KEYRING_ID */, keyring, 0);
}
static long make_filter(long ignored)
{
	(void)ignored;
	return prctl(PR_SET_SECCOMP, 2, NULL);
}
static long load_program(long kind)
{
	char attributes[128] = "";
	memcpy(attributes, &kind, 4);
	return syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, attributes, sizeof attributes);
}
static long use_ring(long entries)
{
	char parameters[120] = "";
	return syscall(SYS_io_uring_setup, entries, parameters);
}
static long handle_fault(long flags)
{
	return syscall(SYS_userfaultfd, flags);
}
static long enter_namespace(long kind)
{
	int file = open("/proc/self/ns/uts", O_RDONLY);
	return file < 0 ? file : setns(file, (int)kind);
}
static long find_handle(long ignored)
{
	struct {
		unsigned bytes;
		int type;
		char rest[128];
	} handle = {128, 0, ""};
	int mount;
	(void)ignored;
	return syscall(SYS_name_to_handle_at, AT_FDCWD, "/", &handle, &mount, 0);
}
static long signal_first(long number)
{
	return kill(1, (int)number);
}

static void try_deeds(void)
{
	static const struct {
		const char *name;
		long (*try)(long);
		long argument;
	} deeds[] = {
	    {"new user namespace", make_namespace, CLONE_NEWUSER},
	    {"new mount namespace", make_namespace, CLONE_NEWNS},
	    {"new pid namespace", make_namespace, CLONE_NEWPID},
	    {"new network namespace", make_namespace, CLONE_NEWNET},
	    {"new ipc namespace", make_namespace, CLONE_NEWIPC},
	    {"new uts namespace", make_namespace, CLONE_NEWUTS},
	    {"new cgroup namespace", make_namespace, CLONE_NEWCGROUP},
	    {"new time namespace", make_namespace, 0x80},
	    {"socket inet", open_socket, AF_INET},
	    {"socket inet6", open_socket, AF_INET6},
	    {"socket unix", open_socket, AF_UNIX},
	    {"socket netlink", open_socket, AF_NETLINK},
	    {"socket packet", open_socket, AF_PACKET},
	    {"socket vsock", open_stream, 40},
	    {"socket alg", open_stream, 38},
	    {"socket raw icmp", raw_socket, 1},
	    {"mount tmpfs", mount_memory, 0},
	    {"mount tmpfs in a user namespace", mount_memory, 1},
	    {"make fifo", make_device, 0},
	    {"make device 1:3", make_device, 3},
	    {"open own device 1:3", open_device, 3},
	    {"open own device 1:4", open_device, 4},
	    {"open own device 1:11", open_device, 11},
	    {"chown to 1000", give_away, 1000},
	    {"chown to 100000", give_away, 100000},
	    {"bind port 80", bind_port, 80},
	    {"become user 1", become, 1},
	    {"become user 100000", become, 100000},
	    {"raise nofile", raise_limit, RLIMIT_NOFILE},
	    {"nice -5", be_nicer, -5},
	    {"realtime", be_realtime, SCHED_FIFO},
	    {"lock 64 MiB", lock_memory, 64 << 20},
	    {"trace me", trace_me, 0},
	    {"trace child", trace_child, 0},
	    {"personality ADDR_NO_RANDOMIZE", change_personality, ADDR_NO_RANDOMIZE},
	    {"personality LINUX32", change_personality, PER_LINUX32},
	    {"chroot", enter_root, 0},
	    {"sethostname", set_name, 0},
	    {"kernel log size", read_kernel_log, 10},
	    {"session keyring", make_key, -3},
	    {"user keyring", make_key, -4},
	    {"seccomp filter of its own", make_filter, 0},
	    {"load bpf socket filter", load_program, 1},
	    {"io_uring", use_ring, 4},
	    {"userfaultfd", handle_fault, 0},
	    {"userfaultfd for user mode", handle_fault, 1},
	    {"setns to its own", enter_namespace, CLONE_NEWUTS},
	    {"file handle", find_handle, 0},
	    {"signal process 1", signal_first, 0},
	};
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		char name[100];
		snprintf(name, sizeof name, "deed %s", deeds[i].name);
		attempt(name, deeds[i].try, deeds[i].argument);
	}
}

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
