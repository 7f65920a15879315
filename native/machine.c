/*
 * PID 1 of a micro-VM: carries out the plan that it came with, then each that the host sends over the guest
 * channel (channel.h), and reports on it. One of them begins the workload (supervise.c).
 */
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/reboot.h>

#include "channel.h"
#include "init.h"

_Noreturn void restart(void)
{
	sys0(__NR_sync);
	sys4(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
	end(EXIT_TSBOX);
}

static void say(const char *text)
{
	uint32_t length = 0;
	while (text[length] != 0)
		length++;
	sys3(__NR_write, 2, text, length);
}

static void say_number(uint64_t number)
{
	char digits[21];
	int at = 20;
	digits[at] = 0;
	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	say(digits + at);
}

/* On the console, as there is no channel yet. */
static _Noreturn void fail(const struct report *report)
{
	say("tsbox-init: state ");
	say_number(report->header.state);
	say(" step ");
	say_number(report->header.step);
	say(" error ");
	say_number(report->header.error);
	say("\n");
	restart();
}

/* Plans are at most this long: what plan_decode() takes, with room to spare. */
enum { MAX_PLAN = 1u << 25 };

struct plan_bytes {
	uint8_t *bytes;
	uint32_t size;
};

/* 1 when the plan is whole. */
static int take_piece(const struct frame *frame, struct plan_bytes *plan)
{
	struct piece piece;
	if (frame->length < sizeof piece)
		end(EXIT_TSBOX);
	copy_bytes(&piece, frame->payload, sizeof piece);
	const uint32_t length = frame->length - (uint32_t)sizeof piece;
	if (piece.offset == 0 && piece.size <= MAX_PLAN)
		*plan = (struct plan_bytes){map_memory(piece.size), piece.size};
	if (piece.size != plan->size || piece.offset > plan->size || length > plan->size - piece.offset)
		end(EXIT_TSBOX);
	copy_bytes(plan->bytes + piece.offset, frame->payload + sizeof piece, length);
	return piece.offset + length == plan->size;
}

static struct plan_bytes receive_plan(void (*obey)(const struct frame *))
{
	struct plan_bytes plan = {NULL, 0};
	for (;;) {
		struct frame frame;
		while (next_frame(&frame))
			if (frame.type != FRAME_PLAN)
				obey(&frame);
			else if (take_piece(&frame, &plan))
				return plan;
		struct pollfd ready = {CHANNEL_DESCRIPTOR, POLLIN, 0};
		sys5(__NR_ppoll, &ready, 1, 0, 0, 0);
		read_channel();
	}
}

void send_report(uint32_t type, const struct report *report, uint32_t steps)
{
	const size_t size = report_bytes(steps);
	send_frame(type, report, size < CHANNEL_MAX_PAYLOAD ? (uint32_t)size : CHANNEL_MAX_PAYLOAD);
	flush_channel_wholly();
}

static struct plan_bytes first_plan(void)
{
	long file = sys4(__NR_openat, AT_FDCWD, "/plan", O_RDONLY | O_CLOEXEC, 0);
	size_t size = file < 0 ? 0 : size_of(file);
	if (size == 0)
		end(EXIT_TSBOX); /* PID 1 that ends is a kernel panic, which the host sees */
	const struct plan_bytes plan = {map_file(file, size), (uint32_t)size};
	sys1(__NR_close, file);
	return plan;
}

/* Returns the number of its steps. */
static uint32_t carry_out(struct plan_bytes plan, struct report *report)
{
	const uint32_t steps = interpret(plan.bytes, plan.size, report, report_bytes(PLAN_MAX_STEPS));
	sys2(__NR_munmap, plan.bytes, plan.size);
	return steps;
}

static void clear(struct report *report, uint32_t steps)
{
	for (size_t i = 0; i < report_bytes(steps); i++)
		((volatile uint8_t *)report)[i] = 0;
}

void carry_out_next(void (*obey)(const struct frame *))
{
	static struct report *report;
	if (report == NULL)
		report = map_memory(report_bytes(PLAN_MAX_STEPS));
	const uint32_t steps = carry_out(receive_plan(obey), report);
	send_report(FRAME_DONE, report, steps);
	clear(report, steps);
}

/* Before there is a workload nothing but a plan makes sense. */
static void refuse(const struct frame *frame)
{
	(void)frame;
	end(EXIT_TSBOX);
}

_Noreturn void machine(void)
{
	/* The workload's process writes into it, too. */
	struct report *report = map_shared_memory(report_bytes(PLAN_MAX_STEPS));
	uint32_t steps = carry_out(first_plan(), report);
	if (report->header.state != REPORT_ENDED)
		fail(report);
	open_channel(CHANNEL_DESCRIPTOR);
	const struct hello hello = {CHANNEL_VERSION, 0, monotonic()};
	send_frame(FRAME_HELLO, &hello, sizeof hello);
	flush_channel_wholly();
	for (;;) {
		send_report(FRAME_DONE, report, steps);
		clear(report, steps);
		steps = carry_out(receive_plan(refuse), report);
		if (is_workload())
			end(EXIT_TSBOX); /* init sends the report */
	}
}
