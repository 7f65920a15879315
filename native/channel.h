/*
 * The guest channel: frames over one virtio-serial port, between the supervisor in the guest and
 * src/vm/channel.ts on the host (grep for "ORDER CHANNEL").
 *
 *   frame = header  payload[length]
 *
 * Numbers are little-endian. Standard input flows on credit: the host sends no more bytes than the
 * guest has room for, so that a signal is never stuck behind data that the workload does not read.
 */
#ifndef TSBOX_CHANNEL_H
#define TSBOX_CHANNEL_H

#include <stdint.h>

#define CHANNEL_VERSION 1
#define CHANNEL_MAX_PAYLOAD 65536u

/* ORDER CHANNEL */
enum frame_type {
	FRAME_HELLO = 1,  /* guest: struct hello; the first frame                         */
	FRAME_STDOUT = 2, /* guest: bytes                                                 */
	FRAME_STDERR = 3, /* guest: bytes                                                 */
	FRAME_CREDIT = 4, /* guest: u32, so many more bytes of standard input may be sent */
	FRAME_REPORT = 5, /* guest: the report of the plan (plan.h)                       */
	FRAME_EXIT = 6,   /* guest: struct ended; the last frame                          */
	FRAME_STDIN = 16, /* host: bytes                                                  */
	FRAME_EOF = 17,   /* host: standard input has ended                               */
	FRAME_SIGNAL = 18, /* host: u32, a signal for the workload                        */
	FRAME_RESIZE = 19, /* host: struct window_size (terminal.h) of its terminal       */
	FRAME_HOSTS = 20  /* host: struct piece, and bytes of its /etc/hosts              */
};

struct frame_header {
	uint32_t type;
	uint32_t length;
};

struct hello {
	uint32_t version;
	uint32_t reserved;
	uint64_t now; /* the guest's CLOCK_MONOTONIC, nanoseconds */
};

struct ended {
	uint32_t status;     /* as wait4(2) gives it */
	uint32_t oom_killed; /* 1 when the kernel's out-of-memory killer acted in the guest */
	uint64_t now;
};

/* A file's bytes from `offset` on; with those at its end it is as long as `size` says. */
struct piece {
	uint32_t offset;
	uint32_t size;
};

_Static_assert(sizeof(struct frame_header) == 8, "ORDER CHANNEL");
_Static_assert(sizeof(struct hello) == 16, "ORDER CHANNEL");
_Static_assert(sizeof(struct ended) == 16, "ORDER CHANNEL");
_Static_assert(sizeof(struct piece) == 8, "ORDER CHANNEL");

#endif
