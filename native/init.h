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

/* Whether this is the workload's process, which supervise() has made. */
int is_workload(void);

/* PID 1 of a micro-VM. */
_Noreturn void machine(void);

/* Of PID 1: ends the machine. */
_Noreturn void restart(void);

/* Of PID 1, to the host, which it waits for. `type` is a frame's. */
void send_report(uint32_t type, const struct report *report, uint32_t steps);

struct frame;

/* Carries out the next plan that the host sends, which has no workload, and says so. Other frames are obeyed. */
void carry_out_next(void (*obey)(const struct frame *));

/*
 * Carries out the plan in these bytes and writes down how that went; returns the number of its steps, and
 * does not return when one of them replaces the program.
 */
uint32_t interpret(uint8_t *bytes, size_t size, struct report *report, size_t report_size);

size_t size_of(long descriptor);

/* These end the program where there is no memory. */
void *map_file(long descriptor, size_t size);
void *map_memory(size_t size);
void *map_shared_memory(size_t size);

#endif
