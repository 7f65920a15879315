/*
 * bin/tsbox: becomes Node on dist/tsbox.cjs. It is no shell script, as start-up time counts and a
 * shell's own is many times this one's.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/resource.h>
#include <stdbool.h>
#include <stddef.h>

#include "syscall.h"

enum { EXIT_TSBOX = 125, STANDARD_ERROR = 2 };

/* A path: the directory that holds bin and dist, and something in it. */
struct path {
	size_t top;
	char text[PATH_MAX + 64];
};

static size_t length(const char *text)
{
	size_t size = 0;
	while (text[size] != 0)
		size++;
	return size;
}

static bool starts_with(const char *text, const char *start)
{
	while (*start != 0 && *text == *start)
		text++, start++;
	return *start == 0;
}

/* Copies `name` behind the first `at` bytes of `to`, which has room for it. Returns where it ends. */
static size_t append(char *to, size_t at, const char *name)
{
	do
		to[at++] = *name;
	while (*name++ != 0);
	return at - 1;
}

static void say(const char *text)
{
	sys3(__NR_write, STANDARD_ERROR, text, length(text));
}

static _Noreturn void end(void)
{
	say("\n");
	for (;;)
		sys1(__NR_exit_group, EXIT_TSBOX);
}

static _Noreturn void fail(const char *what, const char *where)
{
	say("tsbox: ");
	say(what);
	say(where);
	end();
}

enum { DIGITS = 24 };

/* Returns where the number starts in `digits`, as text. */
static const char *decimal(unsigned long number, char digits[DIGITS])
{
	char *start = digits + DIGITS - 1;
	*start = 0;
	do
		*--start = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	return start;
}

/* Node ends with no word where it cannot open all that it wants. */
static struct rlimit64 require_descriptors(void)
{
	enum { NOFILE = 7, ENOUGH = 100 };
	struct rlimit64 limit = {0, 0};
	if (sys4(__NR_prlimit64, 0, NOFILE, NULL, &limit) == 0 && limit.rlim_max < ENOUGH)
		fail("too few open files are allowed: raise `ulimit -n` to 100 or more", "");
	return limit;
}

/* How many descriptors there are from 3 on, without a gap. */
static unsigned long count_descriptors(void)
{
	enum { F_GETFD_ = 1, FIRST = 3 };
	unsigned long found = 0;
	while (sys3(__NR_fcntl, (long)found + FIRST, F_GETFD_, 0) >= 0)
		found++;
	return found;
}

/* Where this file is, whatever links led to it: DIRECTORY/bin/tsbox. */
static void find_top(struct path *path)
{
	long size = sys4(__NR_readlinkat, AT_FDCWD, "/proc/self/exe", path->text, PATH_MAX);
	if (size <= 0)
		fail("/proc is not mounted", "");
	if (size >= PATH_MAX)
		fail("the path of this program is too long", "");
	for (int names = 0; names < 2 && size > 0; names++)
		do
			size--;
		while (size > 0 && path->text[size] != '/');
	path->top = (size_t)size;
	path->text[size] = 0;
}

/*
 * SOFT:HARD:COUNT. Node raises its own soft limit of open files; the workload's is to be the caller's.
 * And it opens files of its own, so that only here it is known how many there are from 3 on.
 */
#define OPEN_FILES "TSBOX_OPEN_FILES="

/*
 * To read the certificates takes Node 40 ms, and tsbox makes no TLS connections: they have another
 * name, which src/spec/environment.ts knows, and of the same length, so that it fits in the same place.
 */
#define CERTIFICATES "NODE_EXTRA_CA_CERTS="
#define HIDDEN_CERTIFICATES "TSBOX_EXTRA_CACERTS="
_Static_assert(sizeof CERTIFICATES == sizeof HIDDEN_CERTIFICATES, "one takes the place of the other");

static void hide_certificates(char *variable)
{
	if (starts_with(variable, CERTIFICATES))
		for (size_t i = 0; i < sizeof CERTIFICATES - 1; i++)
			variable[i] = HIDDEN_CERTIFICATES[i];
}

/*
 * Leaves out what has one of tsbox's own names. Writes to `kept`, which has room for `own` and what
 * else is there, and returns the value of PATH.
 */
static const char *prepare(char **environment, char *own, char **kept)
{
	const char *search = "/usr/local/bin:/usr/bin:/bin";
	for (; *environment != NULL; environment++) {
		if (starts_with(*environment, "PATH="))
			search = *environment + 5;
		if (starts_with(*environment, HIDDEN_CERTIFICATES) || starts_with(*environment, OPEN_FILES))
			continue;
		hide_certificates(*environment);
		*kept++ = *environment;
	}
	*kept++ = own;
	*kept = NULL;
	return search;
}

static size_t count(char **list)
{
	size_t size = 0;
	while (list[size] != NULL)
		size++;
	return size;
}

/* Returns when the program is not there. */
static void execute(const char *program, char **argv, char **environment)
{
	long error = -sys3(__NR_execve, program, argv, environment);
	if (error == ENOENT || error == ENOTDIR || error == EACCES)
		return;
	say("tsbox: ");
	say(program);
	char digits[DIGITS];
	say(" cannot be executed: errno ");
	say(decimal((unsigned long)error, digits));
	end();
}

/* Executes the first `node` of a list of directories; returns when there is none. */
static void execute_from(const char *search, char **argv, char **environment)
{
	char program[PATH_MAX + 8];
	for (;;) {
		size_t size = 0;
		for (; *search != 0 && *search != ':'; search++)
			if (size < PATH_MAX)
				program[size++] = *search;
		append(program, size, size == 0 ? "node" : "/node");
		execute(program, argv, environment);
		if (*search++ == 0)
			return;
	}
}

_Noreturn void tsbox_main(long argc, char **argv);
_Noreturn void tsbox_main(long argc, char **argv)
{
	const struct rlimit64 limit = require_descriptors();
	char digits[DIGITS], open_files[sizeof OPEN_FILES + 3 * DIGITS] = OPEN_FILES;
	size_t end = append(open_files, sizeof OPEN_FILES - 1, decimal(limit.rlim_cur, digits));
	end = append(open_files, end, ":");
	end = append(open_files, end, decimal(limit.rlim_max, digits));
	end = append(open_files, end, ":");
	append(open_files, end, decimal(count_descriptors(), digits));
	char *environment[count(argv + argc + 1) + 2];
	const char *search = prepare(argv + argc + 1, open_files, environment);
	struct path node, script;
	find_top(&script);
	find_top(&node);
	append(script.text, script.top, "/dist/tsbox.cjs");
	if (sys3(__NR_faccessat, AT_FDCWD, script.text, 0) != 0)
		fail("not built yet: run `npm run build` in ", node.top == 0 ? "/" : node.text);

	/* SIGUSR1 is the workload's: before tsbox can take it, Node would open its debugger to all users. */
	char *words[argc + 5];
	words[0] = "node";
	words[1] = "--disable-sigusr1";
	/* Node looks for --env-file, and reads that into its own environment, in all words up to this one. */
	words[2] = "--";
	words[3] = script.text;
	for (long i = 1; i < argc; i++)
		words[i + 3] = argv[i];
	words[argc < 1 ? 4 : argc + 3] = NULL;
	append(node.text, node.top, "/.tools/node");
	execute(node.text, words, environment);
	execute_from(search, words, environment);
	fail("no `node` was found: install Node 22.14 or later", "");
}
