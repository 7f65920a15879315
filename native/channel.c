/* The guest's end of the channel: frames in and out of its buffers (channel.h). */
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/time.h>

#include "channel.h"
#include "init.h"

/* A frame on its way to the host; the next one is made when it is gone. */
static uint8_t outgoing[sizeof(struct frame_header) + CHANNEL_MAX_PAYLOAD];
static uint32_t outgoing_start, outgoing_end;

/* Bytes from the host: frames that were taken, those that were not, and the beginning of one. */
static uint8_t incoming[sizeof(struct frame_header) + CHANNEL_MAX_PAYLOAD];
static uint32_t incoming_start, incoming_end;

static int channel = -1;

void copy_bytes(void *to, const void *from, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}

enum { PAUSE_NANOSECONDS = 1000000 };

void open_channel(int descriptor)
{
	sys3(__NR_fcntl, descriptor, F_SETFL, O_NONBLOCK);
	channel = descriptor;
	/* The kernel hears of the host a little after the port can be opened, and takes it for gone until then. */
	for (;;) {
		struct pollfd host = {channel, POLLOUT, 0};
		const struct timespec now = {0, 0}, pause = {0, PAUSE_NANOSECONDS};
		sys5(__NR_ppoll, &host, 1, &now, 0, 0);
		if (!(host.revents & POLLHUP))
			return;
		sys2(__NR_nanosleep, &pause, 0);
	}
}

int channel_idle(void)
{
	return outgoing_end == 0;
}

void flush_channel(void)
{
	while (outgoing_start < outgoing_end) {
		long written = sys3(__NR_write, channel, outgoing + outgoing_start, outgoing_end - outgoing_start);
		if (written <= 0)
			return;
		outgoing_start += (uint32_t)written;
	}
	outgoing_start = outgoing_end = 0;
}

void flush_channel_wholly(void)
{
	for (;;) {
		flush_channel();
		if (outgoing_end == 0)
			return;
		struct pollfd ready = {channel, POLLOUT, 0};
		sys5(__NR_ppoll, &ready, 1, 0, 0, 0);
		if (ready.revents & POLLHUP) {
			outgoing_start = outgoing_end = 0;
			return;
		}
	}
}

static void begin_frame(uint32_t type, uint32_t length)
{
	const struct frame_header header = {type, length};
	copy_bytes(outgoing, &header, sizeof header);
	outgoing_end = sizeof header + length;
	flush_channel();
}

void send_frame(uint32_t type, const void *payload, uint32_t length)
{
	copy_bytes(outgoing + sizeof(struct frame_header), payload, length);
	begin_frame(type, length);
}

long send_what_is_read(uint32_t type, int descriptor)
{
	long size = sys3(__NR_read, descriptor, outgoing + sizeof(struct frame_header), CHANNEL_MAX_PAYLOAD);
	if (size > 0)
		begin_frame(type, (uint32_t)size);
	return size;
}

/* Makes room for the rest of the frame that has begun. */
static void drop_taken(void)
{
	copy_bytes(incoming, incoming + incoming_start, incoming_end - incoming_start);
	incoming_end -= incoming_start;
	incoming_start = 0;
}

void read_channel(void)
{
	drop_taken();
	long size = sys3(__NR_read, channel, incoming + incoming_end, sizeof incoming - incoming_end);
	if (size > 0)
		incoming_end += (uint32_t)size;
}

int next_frame(struct frame *frame)
{
	struct frame_header header;
	if (incoming_end - incoming_start < sizeof header)
		return 0;
	copy_bytes(&header, incoming + incoming_start, sizeof header);
	if (header.length > CHANNEL_MAX_PAYLOAD)
		end(EXIT_TSBOX); /* the stream is out of step: nothing after this could be trusted */
	if (incoming_end - incoming_start < sizeof header + header.length)
		return 0;
	*frame = (struct frame){header.type, header.length, incoming + incoming_start + sizeof header};
	incoming_start += (uint32_t)sizeof header + header.length;
	return 1;
}
