/*
 * What a hostile program would want to do: a part of probe.c, which has the headers and attempt(). Each
 * deed is tried in a child of its own, and undoes what it makes.
 */
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

