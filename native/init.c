/*
 * tsbox-init: carries out a plan (plan.h) and stamps each step into a report. It holds no policy.
 *
 *   tsbox-init           as PID 1 of a micro-VM (machine.c): the first plan is /plan
 *   tsbox-init container as the first program of a container: descriptor 3 holds the plan, 4 the report
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "init.h"

/* asm/mman.h and asm/stat.h, without a C library around them, clash with uapi's own; these do not change. */
enum { PROT_READ_WRITE = 3, MAP_SHARED_ = 1, MAP_PRIVATE_ = 2, MAP_ANONYMOUS_ = 0x20, MAP_POPULATE_ = 0x8000 };

enum { PLAN_DESCRIPTOR = 3, REPORT_DESCRIPTOR = 4 };

_Noreturn void end(int status)
{
	for (;;) {
		sys1(__NR_exit_group, status);
		/* A seccomp profile without it would leave this program running for ever. */
		__builtin_trap();
	}
}

static void *map(long descriptor, size_t size, int flags)
{
	long address = sys6(__NR_mmap, 0, (long)size, PROT_READ_WRITE, flags | MAP_POPULATE_, descriptor, 0);
	if (address < 0 && address > -4096)
		end(EXIT_TSBOX);
	return (void *)address;
}

void *map_file(long descriptor, size_t size)
{
	return map(descriptor, size, MAP_PRIVATE_);
}

void *map_memory(size_t size)
{
	return map(-1, size, MAP_PRIVATE_ | MAP_ANONYMOUS_);
}

void *map_shared_memory(size_t size)
{
	return map(-1, size, MAP_SHARED_ | MAP_ANONYMOUS_);
}

size_t size_of(long descriptor)
{
	long size = sys3(__NR_lseek, descriptor, 0, 2 /* SEEK_END */);
	return size > 0 ? (size_t)size : 0;
}

static int accepted(const struct plan_step *step, int64_t result)
{
	for (int i = 0; i < 4; i++)
		if (step->accept[i] != 0 && result == -(int64_t)step->accept[i])
			return 1;
	return 0;
}

/* The slots of a plan: filled by one step, used by later ones. */
struct slots {
	uint64_t value[PLAN_MAX_SLOTS];
	uint8_t filled[PLAN_MAX_SLOTS];
};

static int wanted(const struct plan_step *step, const struct slots *slots)
{
	if (step->needs == PLAN_NO_SLOT)
		return 1;
	int filled = slots->filled[step->needs & ~PLAN_UNLESS];
	return step->needs & PLAN_UNLESS ? !filled : filled;
}

/* Puts together the step's arguments; 0 when one of them is an empty slot. */
static int arguments(const struct plan *plan, const struct plan_step *step, const struct slots *slots, long out[6])
{
	for (int i = 0; i < 6; i++) {
		uint64_t value = step->args[i];
		if (step->kinds[i] == ARG_DATA)
			value = (uint64_t)(uintptr_t)(plan->data + value);
		if (step->kinds[i] == ARG_SLOT) {
			if (!slots->filled[value])
				return 0;
			value = slots->value[value];
		}
		out[i] = (long)value;
	}
	return 1;
}

/* Too large for the stack of a program that has only what the kernel gives it. */
static struct slots slots;

/* Each read gives one message, and the last of them an error. */
static void read_reason(long context, struct report_header *header)
{
	size_t used = 0;
	while (used < sizeof header->reason) {
		long got = sys3(__NR_read, context, header->reason + used, sizeof header->reason - used);
		if (got <= 0)
			return;
		used += (size_t)got;
	}
}

static int64_t perform(const struct plan_step *step, const long args[6], struct report *report, uint32_t steps)
{
	switch (step->op) {
	case OP_SUPERVISE:
		return supervise(args, report, steps);
	case OP_INIT:
		return become_init();
	default:
		return sys6(step->number, args[0], args[1], args[2], args[3], args[4], args[5]);
	}
}

/* Carries out the steps in order; returns only when none of them replaced the program. */
static void carry_out(const struct plan *plan, struct report *report)
{
	long args[6];
	for (uint32_t i = 0; i < plan->header->slots; i++)
		slots.filled[i] = 0;
	report->header.started = monotonic();
	for (uint32_t i = 0; i < plan->header->steps; i++) {
		const struct plan_step *step = &plan->steps[i];
		report->header.step = i;
		if (!wanted(step, &slots) || !arguments(plan, step, &slots, args))
			continue;
		int64_t result = perform(step, args, report, plan->header->steps);
		report->entries[i].result = result;
		report->entries[i].end = monotonic();
		if (result < 0 && !accepted(step, result)) {
			if (step->op == OP_CONTEXT)
				read_reason(args[0], &report->header);
			report->header.error = (uint32_t)-result;
			report->header.state = REPORT_FAILED;
			return;
		}
		if (result >= 0 && step->into != PLAN_NO_SLOT) {
			slots.value[step->into] = (uint64_t)result;
			slots.filled[step->into] = 1;
		}
	}
	report->header.state = REPORT_ENDED;
}

uint32_t interpret(uint8_t *bytes, size_t size, struct report *report, size_t report_size)
{
	struct plan plan;
	enum plan_fault fault = plan_decode(bytes, size, &plan);
	if (fault == FAULT_NONE && report_size < report_bytes(plan.header->steps))
		fault = FAULT_REPORT;
	report->header.magic = REPORT_MAGIC;
	if (fault != FAULT_NONE) {
		report->header.error = fault;
		report->header.state = REPORT_REFUSED;
		return 0;
	}
	carry_out(&plan, report);
	return plan.header->steps;
}

static void container(void)
{
	size_t size = size_of(PLAN_DESCRIPTOR);
	size_t report_size = size_of(REPORT_DESCRIPTOR);
	if (size == 0 || report_size < sizeof(struct report_header))
		end(EXIT_TSBOX);
	uint8_t *bytes = map_file(PLAN_DESCRIPTOR, size);
	struct report *report = map(REPORT_DESCRIPTOR, report_size, MAP_SHARED_);
	/* From here on the plan's own slots are the only descriptors above the standard streams and what was handed over. */
	sys1(__NR_close, PLAN_DESCRIPTOR);
	sys1(__NR_close, REPORT_DESCRIPTOR);
	interpret(bytes, size, report, report_size);
}

_Noreturn void tsbox_main(long argc, char **argv);
_Noreturn void tsbox_main(long argc, char **argv)
{
	/* The stack of a new program: argv, the environment, each with a final null, and the auxiliary vector. */
	char **word = argv + argc + 1;
	while (*word != NULL)
		word++;
	find_clock((const unsigned long *)(word + 1));
	if (argc > 1)
		container();
	else
		machine();
	end(EXIT_TSBOX);
}
