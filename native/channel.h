/*
 * The guest channel: frames over one virtio-serial port, between init in the guest and
 * src/vm/channel.ts on the host (grep for "ORDER CHANNEL").
 *
 *   frame = header  payload[length]
 *
 * Numbers are little-endian. The guest says hello, reports on the plan that it came with (/plan), and then
 * on each that the host sends; one of them begins the workload. Standard input flows on credit: the
 * host sends no more bytes than the guest has room for, so that a signal is never stuck behind data that the
 * workload does not read.
 */
#ifndef TSBOX_CHANNEL_H
#define TSBOX_CHANNEL_H

#include <stdint.h>

#define CHANNEL_VERSION 2
#define CHANNEL_MAX_PAYLOAD 65536u
#define CHANNEL_DESCRIPTOR 63 /* the port, where every plan of a machine finds it but the first, which opens it */

/* ORDER CHANNEL */
enum frame_type {
	FRAME_HELLO = 1,   /* guest: struct hello; the first frame                            */
	FRAME_STDOUT = 2,  /* guest: bytes                                                    */
	FRAME_STDERR = 3,  /* guest: bytes                                                    */
	FRAME_CREDIT = 4,  /* guest: u32, so many more bytes of standard input may be sent    */
	FRAME_REPORT = 5,  /* guest: that of the plan (plan.h) with the workload, which ended */
	FRAME_EXIT = 6,    /* guest: struct ended; the last frame                             */
	FRAME_BEGUN = 7,   /* guest: struct begun, when the workload's process has been made  */
	FRAME_DONE = 8,    /* guest: the report of any other plan, which has come to its end  */
	FRAME_HELD = 9,    /* guest: nothing more is sent before the next plan is done        */
	FRAME_STDIN = 16,  /* host: bytes                                                     */
	FRAME_EOF = 17,    /* host: standard input has ended                                  */
	FRAME_SIGNAL = 18, /* host: u32, a signal for the workload                            */
	FRAME_RESIZE = 19, /* host: struct window_size (terminal.h) of its terminal           */
	FRAME_HOSTS = 20,  /* host: struct piece, and bytes of its /etc/hosts                 */
	FRAME_PLAN = 21,   /* host: struct piece, and bytes of the plan to be carried out now */
	FRAME_HOLD = 22    /* host: no stream is served from now on; a plan is to come next   */
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

struct begun {
	uint64_t now;
	uint64_t process; /* its number */
};

struct ended {
	uint32_t status;     /* as wait4(2) gives it */
	uint32_t oom_killed; /* 1 when the kernel's out-of-memory killer acted in the guest */
	uint64_t now;
};

/* The bytes from `offset` on of what is `size` bytes long, and whole when the last of them have come. */
struct piece {
	uint32_t offset;
	uint32_t size;
};

_Static_assert(sizeof(struct frame_header) == 8, "ORDER CHANNEL");
_Static_assert(sizeof(struct hello) == 16, "ORDER CHANNEL");
_Static_assert(sizeof(struct begun) == 16, "ORDER CHANNEL");
_Static_assert(sizeof(struct ended) == 16, "ORDER CHANNEL");
_Static_assert(sizeof(struct piece) == 8, "ORDER CHANNEL");

/* The guest's end. */

struct frame {
	uint32_t type;
	uint32_t length;
	const uint8_t *payload; /* until the next frame is asked for */
};

/* Waits for the host. */
void open_channel(int descriptor);

/* Whether everything that was sent is gone: only then may more be sent. */
int channel_idle(void);

/* Sends what it can of a frame now, and the rest by and by, when it is flushed. */
void send_frame(uint32_t type, const void *payload, uint32_t length);

/* The same with what can be read from the descriptor now, and what read(2) returned. */
long send_what_is_read(uint32_t type, int descriptor);

void flush_channel(void);

/* Waits until all of it is gone, or the host is. */
void flush_channel_wholly(void);

/* Reads what has come. */
void read_channel(void);

/* 1 and the next frame, when it has come whole. */
int next_frame(struct frame *frame);

void copy_bytes(void *to, const void *from, uint32_t size);

#endif
