/*
 * The plan: an ordered list of system calls, decided in TypeScript, carried out by tsbox-init.
 * This header is the manual of the format. Its encoder is src/plan/encode.ts: grep for
 * "ORDER PLAN" and change both together; tests/unit/plan-format.test.ts holds them to each other.
 *
 *   plan    = header  step[steps]  relocation[relocations]  data[data_size]
 *   report  = report_header  report_entry[steps]
 *
 * All numbers are little-endian. Everything the plan points to lies in its own data area, the last
 * byte of which is zero, so that every string in it ends.
 */
#ifndef TSBOX_PLAN_H
#define TSBOX_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x58425354u /* "TSBX" */
#define PLAN_VERSION 3
#define PLAN_MAX_STEPS 4096
#define PLAN_MAX_SLOTS 512
#define PLAN_MAX_DATA (1u << 24)
#define PLAN_NO_SLOT 0xffffu
#define PLAN_UNLESS 0x8000u /* in `needs`, beside the slot's number */

/* ORDER PLAN: what a step does. */
enum plan_op {
	OP_CALL = 0,      /* slot[into] := syscall(number, args...)                                  */
	OP_SUPERVISE = 1, /* clone3(flags = args[0]); the child goes on with the next step, its       */
	                  /* standard streams being pipes; the parent serves the channel (channel.h)  */
	                  /* until the child ends, reports it, and restarts the machine: what PID 1   */
	                  /* of a micro-VM does. With args[1] the child finds at that descriptor a    */
	                  /* socket by which it hands over a terminal to be served instead of the     */
	                  /* pipes; args[2] is a descriptor of its /etc/hosts, which the host         */
	                  /* changes, or 0                                                            */
	OP_CONTEXT = 2,   /* as OP_CALL; when it fails, what can be read from descriptor args[0] is    */
	                  /* the report's reason: the kernel's messages about a file-system context,  */
	                  /* fsopen(2)                                                                */
	OP_INIT = 3,      /* forks: the child goes on with the next step; the parent is the init of the      */
	                  /* box: passes signals on to the child, reaps, and ends as the child does       */
	OP_COUNT
};

/* ORDER PLAN: what an argument of a step is. */
enum plan_arg {
	ARG_NUMBER = 0, /* the value itself                                  */
	ARG_DATA = 1,   /* the address of data[value]                        */
	ARG_SLOT = 2,   /* what an earlier step put into slot[value]         */
	ARG_COUNT
};

struct plan_header {
	uint32_t magic;
	uint16_t version;
	uint16_t slots;
	uint32_t steps;
	uint32_t relocations;
	uint32_t data_size;
	uint32_t reserved;
};

/*
 * A step whose `needs` slot, or whose slot argument, is still empty is passed over: that is how
 * "mask this path if the kernel has it" is said without a branch. With PLAN_UNLESS it is passed over
 * when that slot is filled: "try again, unless it is open". An error listed in `accept` counts as
 * done and leaves `into` empty.
 */
struct plan_step {
	uint16_t op;
	uint16_t number;    /* of the system call */
	uint16_t into;      /* slot, or PLAN_NO_SLOT */
	uint16_t needs;     /* slot, perhaps with PLAN_UNLESS, or PLAN_NO_SLOT */
	uint16_t accept[4]; /* errno values; 0 for none */
	uint8_t kinds[8];   /* enum plan_arg; the last two are zero */
	uint64_t args[6];
};

/* At data[offset] stands an offset into the data area: the interpreter makes it an address. */
struct plan_relocation {
	uint32_t offset;
};

#define REPORT_MAGIC 0x50525354u /* "TSRP" */

/* ORDER PLAN: how far the plan has come. */
enum report_state {
	REPORT_RUNNING = 0, /* every step so far is done; an execve that succeeds leaves it at this */
	REPORT_FAILED = 1,  /* `step` returned `error`                                              */
	REPORT_REFUSED = 2, /* the plan is malformed: `error` is an enum plan_fault                 */
	REPORT_ENDED = 3,   /* the last step is done and nothing was executed                       */
};

struct report_header {
	uint32_t magic;
	uint32_t state;
	uint32_t step;
	uint32_t error;
	uint64_t started; /* CLOCK_MONOTONIC, nanoseconds */
	char reason[256]; /* what the kernel said of the step that failed (OP_CONTEXT); the rest is zero */
};

struct report_entry {
	uint64_t end;   /* CLOCK_MONOTONIC, nanoseconds; 0: passed over, or not reached */
	int64_t result; /* as the kernel returns it: negative errno on failure */
};

/* ORDER PLAN: why a plan is refused. */
enum plan_fault {
	FAULT_NONE = 0,
	FAULT_SHORT = 1,      /* shorter than its header says          */
	FAULT_MAGIC = 2,      /* not a plan                            */
	FAULT_VERSION = 3,    /* of another version                    */
	FAULT_LIMIT = 4,      /* too many steps, slots or bytes        */
	FAULT_DATA = 5,       /* the data area does not end in zero    */
	FAULT_RELOCATION = 6, /* a relocation outside the data area    */
	FAULT_OP = 7,         /* an unknown operation                  */
	FAULT_ARG = 8,        /* an argument of unknown kind           */
	FAULT_POINTER = 9,    /* a pointer outside the data area       */
	FAULT_SLOT = 10,      /* a slot that the plan does not have    */
	FAULT_REPORT = 11,    /* the report has no room for every step */
	FAULT_LENGTH = 12,    /* longer than its header says           */
};

_Static_assert(sizeof(struct plan_header) == 24, "ORDER PLAN");
_Static_assert(sizeof(struct plan_step) == 72, "ORDER PLAN");
_Static_assert(offsetof(struct plan_step, args) == 24, "ORDER PLAN");
_Static_assert(sizeof(struct report_header) == 280, "ORDER PLAN");
_Static_assert(sizeof(struct report_entry) == 16, "ORDER PLAN");
_Static_assert(sizeof(struct plan_relocation) == 4, "ORDER PLAN");

/* A plan whose every offset has been checked. */
struct plan {
	const struct plan_header *header;
	const struct plan_step *steps;
	uint8_t *data;
};

/*
 * Checks the `size` bytes at `bytes` (aligned to 8, writable) and applies the relocations.
 * Fills `plan` and returns FAULT_NONE, or says why not.
 */
enum plan_fault plan_decode(uint8_t *bytes, size_t size, struct plan *plan);

#endif
