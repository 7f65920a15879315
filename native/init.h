/* What the parts of tsbox-init share. */
#ifndef TSBOX_INIT_H
#define TSBOX_INIT_H

#include "plan.h"
#include "syscall.h"

/* Exit status of a stage that failed; the report says why. */
enum { EXIT_TSBOX = 125 };

struct report {
	struct report_header header;
	struct report_entry entries[];
};

static inline size_t report_bytes(uint32_t steps)
{
	return sizeof(struct report_header) + (size_t)steps * sizeof(struct report_entry);
}

/* The auxiliary vector, getauxval(3): where to find the clock. */
void find_clock(const unsigned long *auxiliary);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t monotonic(void);

_Noreturn void end(int status);

/*
 * OP_SUPERVISE. Returns 0 in the child; in the parent never, unless the child could not be made (a negative
 * errno). `report` (of a plan of `steps` steps) is sent when the child has ended.
 */
int64_t supervise(const long args[4], struct report *report, uint32_t steps);

/* OP_INIT. Returns 0 in the child; in the parent never, unless the child could not be made (a negative errno). */
int64_t become_init(void);

/* PID 1 of a machine whose plan failed: says so on the console and, where there is one, the channel. */
void report_failure(struct report *report);

#endif
