/*
 * PID 1 of a micro-VM once a plan has come to the workload: carries the workload's standard
 * streams, signals and exit status over the guest channel (channel.h), and reaps orphans.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/time.h>

#include "channel.h"
#include "init.h"
#include "terminal.h"

enum { SIG_BLOCK_ = 0, SIGPIPE_ = 13, SIGCHLD_ = 17, WNOHANG_ = 1, STDIN_ROOM = 262144 };
/* Between two looks at a terminal that nobody has open: as src/terminal/relay.ts has it. */
enum { UNUSED_NANOSECONDS = 50000000 };
enum { LINGER_SECONDS = 10, OOM_TEXT = 4096, AF_UNIX_ = 1, SOCK_STREAM_ = 1 };

/* Standard input that the workload has not read yet: a ring. */
static uint8_t room[STDIN_ROOM];
static uint32_t room_start, room_used;

/* The supervisor's ends of the workload's streams, and the signals; -1: closed. */
static int to_stdin, from_stdout, from_stderr, signals;
/* Where the workload's terminal comes from, and the terminal once it has come. */
static int handover = -1, terminal = -1;
/* Whether nobody has the terminal open: poll(2) would say so all the time. */
static int unused;
static struct window_size window;
/* The workload's /etc/hosts; 0: it has none that changes. */
static long hosts;
static uint32_t credit_owed;
static int stdin_ended, in_child;
static long workload;

static void close_end(int *descriptor)
{
	if (*descriptor >= 0)
		sys1(__NR_close, *descriptor);
	*descriptor = -1;
}

static void send_stream(uint32_t type, int *descriptor)
{
	const long size = send_what_is_read(type, *descriptor);
	/* Of a terminal only: somebody may open it again. */
	if (descriptor == &from_stdout)
		unused = size == -EIO;
	if (size <= 0 && size != -EAGAIN && size != -EINTR && size != -EIO)
		close_end(descriptor);
}

static void take_stdin(const uint8_t *bytes, uint32_t length)
{
	if (length > STDIN_ROOM - room_used)
		length = STDIN_ROOM - room_used; /* more than the credit: a broken host loses its own data */
	for (uint32_t i = 0; i < length; i++)
		room[(room_start + room_used + i) % STDIN_ROOM] = bytes[i];
	room_used += length;
}

/* Passes on what the workload takes now; what it will never take is let go. */
static void feed(void)
{
	/* It is the terminal's, once that has come. */
	if (handover >= 0)
		return;
	while (room_used > 0) {
		uint32_t size = room_start + room_used > STDIN_ROOM ? STDIN_ROOM - room_start : room_used;
		long written = to_stdin < 0 ? -EPIPE : sys3(__NR_write, to_stdin, room + room_start, size);
		if (written == -EAGAIN || written == -EINTR)
			return;
		if (written < 0) {
			/* Of a terminal only, as above. */
			if (written != -EIO)
				close_end(&to_stdin);
			written = size;
		}
		room_start = (room_start + (uint32_t)written) % STDIN_ROOM;
		room_used -= (uint32_t)written;
		credit_owed += (uint32_t)written;
	}
	if (stdin_ended)
		close_end(&to_stdin);
}

static void take_hosts(const uint8_t *bytes, uint32_t length)
{
	struct piece piece;
	if (hosts <= 0 || length < sizeof piece)
		return;
	copy_bytes(&piece, bytes, sizeof piece);
	length -= (uint32_t)sizeof piece;
	sys4(__NR_pwrite64, hosts, bytes + sizeof piece, length, piece.offset);
	if ((uint64_t)piece.offset + length == piece.size)
		sys2(__NR_ftruncate, hosts, piece.size);
}

static void hold(void);

static void obey(const struct frame *frame)
{
	const uint8_t *payload = frame->payload;
	const uint32_t length = frame->length;
	uint32_t number = 0;
	if (frame->type == FRAME_STDIN)
		take_stdin(payload, length);
	if (frame->type == FRAME_EOF)
		stdin_ended = 1;
	if (frame->type == FRAME_SIGNAL && length == sizeof number) {
		copy_bytes(&number, payload, sizeof number);
		sys2(__NR_kill, workload, number);
	}
	if (frame->type == FRAME_RESIZE && length == sizeof window) {
		copy_bytes(&window, payload, sizeof window);
		resize_terminal(terminal, &window);
	}
	if (frame->type == FRAME_HOSTS)
		take_hosts(payload, length);
	if (frame->type == FRAME_HOLD)
		hold();
}

/* Until the next plan is done: what was on its way to the host is there, and nothing else is. */
static void hold(void)
{
	flush_channel_wholly();
	send_frame(FRAME_HELD, NULL, 0);
	flush_channel_wholly();
	carry_out_next(obey);
	/* To another host, perhaps, which has been promised nothing. */
	credit_owed = STDIN_ROOM - room_used;
}

static void obey_all(void)
{
	struct frame frame;
	while (next_frame(&frame))
		obey(&frame);
}

/* Reaps everything that has ended; 1 when the workload was among it, with its status. */
static int reap(int32_t *status)
{
	int ended = 0;
	for (;;) {
		int32_t one = 0;
		long pid = sys4(__NR_wait4, -1, &one, WNOHANG_, 0);
		if (pid <= 0)
			return ended;
		if (pid == workload) {
			*status = one;
			ended = 1;
		}
	}
}

/* /proc/vmstat counts the kills of the out-of-memory killer: `oom_kill N`. */
static uint32_t oom_killed(void)
{
	static char text[OOM_TEXT * 4];
	static const char key[] = "\noom_kill ";
	long file = sys4(__NR_openat, AT_FDCWD, "/proc/vmstat", O_RDONLY | O_CLOEXEC, 0);
	long size = file < 0 ? 0 : sys3(__NR_read, file, text, sizeof text);
	for (long i = 0; i + (long)sizeof key <= size; i++) {
		long j = 0;
		while (key[j] != 0 && text[i + j] == key[j])
			j++;
		if (key[j] == 0)
			return text[i + j] != '0';
	}
	return 0;
}

static void send_credit(void)
{
	if (!channel_idle() || credit_owed == 0)
		return;
	uint32_t credit = credit_owed;
	credit_owed = 0;
	send_frame(FRAME_CREDIT, &credit, sizeof credit);
}

static int nonblocking(long descriptor)
{
	sys3(__NR_fcntl, descriptor, F_SETFL, O_NONBLOCK);
	return (int)descriptor;
}

/* The terminal takes the place of the pipes. */
static void take_terminal(void)
{
	int received = receive_terminal(handover);
	if (received == -1)
		return;
	close_end(&handover);
	if (received < 0)
		return;
	terminal = nonblocking(received);
	close_end(&to_stdin);
	close_end(&from_stdout);
	to_stdin = (int)sys3(__NR_fcntl, terminal, F_DUPFD_CLOEXEC, 0);
	from_stdout = (int)sys3(__NR_fcntl, terminal, F_DUPFD_CLOEXEC, 0);
	if (window.rows != 0)
		resize_terminal(terminal, &window);
}

static void serve(void)
{
	/* What is owed must not wait for an event: there may be none before more input comes. */
	send_credit();
	struct pollfd ready[6] = {
	    {signals, POLLIN, 0},
	    {CHANNEL_DESCRIPTOR, POLLIN, 0},
	    {channel_idle() && !unused ? from_stdout : -1, POLLIN, 0},
	    {channel_idle() ? from_stderr : -1, POLLIN, 0},
	    {room_used > 0 && handover < 0 ? to_stdin : -1, POLLOUT, 0},
	    {handover, POLLIN, 0},
	};
	if (!channel_idle())
		ready[1].events |= POLLOUT;
	struct timespec pause = {0, UNUSED_NANOSECONDS};
	sys5(__NR_ppoll, ready, 6, unused ? &pause : NULL, 0, 0);
	if (ready[5].revents)
		take_terminal();
	flush_channel();
	if (ready[1].revents & POLLIN) {
		read_channel();
		obey_all();
	}
	feed();
	/* Before output, or a workload that echoes its input could starve itself. */
	send_credit();
	if (channel_idle() && (unused || ready[2].revents))
		send_stream(FRAME_STDOUT, &from_stdout);
	if (channel_idle() && ready[3].revents)
		send_stream(FRAME_STDERR, &from_stderr);
}

/* What the workload wrote last may still be in its pipes. */
static void drain(uint32_t type, int *descriptor)
{
	for (;;) {
		flush_channel_wholly();
		send_stream(type, descriptor);
		if (channel_idle() && *descriptor < 0)
			return;
		struct pollfd ready = {*descriptor, POLLIN, 0};
		const struct timespec now = {0, 0};
		if (*descriptor < 0 || sys5(__NR_ppoll, &ready, 1, &now, 0, 0) <= 0 || !(ready.revents & POLLIN)) {
			flush_channel_wholly();
			return;
		}
	}
}

static _Noreturn void finish(int32_t status, struct report *report, uint32_t steps)
{
	if (handover >= 0)
		take_terminal();
	drain(FRAME_STDOUT, &from_stdout);
	drain(FRAME_STDERR, &from_stderr);
	sys0(__NR_sync);
	send_report(FRAME_REPORT, report, steps);
	const struct ended ended = {(uint32_t)status, oom_killed(), monotonic()};
	send_frame(FRAME_EXIT, &ended, sizeof ended);
	flush_channel_wholly();
	/* The host ends the machine when it has read that; if it does not, the machine ends itself. */
	struct pollfd gone = {CHANNEL_DESCRIPTOR, 0, 0};
	const struct timespec linger = {LINGER_SECONDS, 0};
	sys5(__NR_ppoll, &gone, 1, &linger, 0, 0);
	restart();
}

int64_t supervise(const long args[4], struct report *report, uint32_t steps)
{
	const long at = args[1];
	int32_t input[2], output[2], error[2], pair[2] = {-1, -1};
	const uint64_t watched = 1ull << (SIGCHLD_ - 1), blocked = watched | 1ull << (SIGPIPE_ - 1);
	sys4(__NR_rt_sigprocmask, SIG_BLOCK_, &blocked, 0, sizeof blocked);
	if (sys2(__NR_pipe2, input, O_CLOEXEC) < 0 || sys2(__NR_pipe2, output, O_CLOEXEC) < 0 ||
	    sys2(__NR_pipe2, error, O_CLOEXEC) < 0)
		return -EMFILE;
	if (at > 0 && sys4(__NR_socketpair, AF_UNIX_, SOCK_STREAM_ | O_CLOEXEC, 0, pair) < 0)
		return -EMFILE;
	struct clone_args clone = {.flags = (uint64_t)args[0], .exit_signal = SIGCHLD_};
	workload = sys2(__NR_clone3, &clone, sizeof clone);
	if (workload < 0)
		return workload;
	if (workload == 0) {
		in_child = 1;
		sys3(__NR_dup3, input[0], 0, 0);
		sys3(__NR_dup3, output[1], 1, 0);
		sys3(__NR_dup3, error[1], 2, 0);
		if (at > 0)
			sys3(__NR_dup3, pair[1], at, O_CLOEXEC);
		return 0;
	}
	handover = pair[0];
	if (at > 0)
		sys1(__NR_close, pair[1]);
	sys1(__NR_close, input[0]);
	sys1(__NR_close, output[1]);
	sys1(__NR_close, error[1]);
	to_stdin = nonblocking(input[1]);
	from_stdout = nonblocking(output[0]);
	from_stderr = nonblocking(error[0]);
	hosts = args[2];
	signals = (int)sys4(__NR_signalfd4, -1, &watched, sizeof watched, O_CLOEXEC | O_NONBLOCK);

	const struct begun begun = {monotonic(), (uint64_t)workload};
	send_frame(FRAME_BEGUN, &begun, sizeof begun);
	credit_owed = STDIN_ROOM;
	obey_all();
	int32_t status = 0;
	for (;;) {
		serve();
		/* Emptied before reaping, so that a child that ends in between is noticed by the next poll. */
		uint8_t information[128];
		while (sys3(__NR_read, signals, information, sizeof information) > 0)
			continue;
		if (reap(&status))
			finish(status, report, steps);
	}
}

int is_workload(void)
{
	return in_child;
}
