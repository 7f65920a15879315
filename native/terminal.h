/* The terminal of a micro-VM's workload, which the workload's process makes (src/plan/terminal.ts) and init serves. */
#ifndef TSBOX_TERMINAL_H
#define TSBOX_TERMINAL_H

#include <stdint.h>

/* What FRAME_RESIZE carries. */
struct window_size {
	uint16_t rows, columns;
};

/* Takes the descriptor that a message on the socket holds: -1 when there is no message yet, -2 when none will come. */
int receive_terminal(int socket);

/* Does nothing while there is no terminal. */
void resize_terminal(int terminal, const struct window_size *size);

#endif
