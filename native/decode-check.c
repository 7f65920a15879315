/*
 * Reads plans from standard input, each as a 4-byte length and its bytes, and prints for each the
 * number of its fault. Built with sanitizers: a decoder that touches what it must not ends it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

int main(void)
{
	uint32_t size;
	while (fread(&size, sizeof size, 1, stdin) == 1) {
		/* An exact allocation, so that one byte too far is seen. */
		uint8_t *bytes = malloc(size ? size : 1);
		if (bytes == NULL || fread(bytes, 1, size, stdin) != size)
			return 1;
		struct plan plan;
		enum plan_fault fault = plan_decode(bytes, size, &plan);
		printf("%d\n", fault);
		if (fault == FAULT_NONE) {
			volatile uint8_t last = plan.data[plan.header->data_size - 1];
			(void)last;
		}
		free(bytes);
	}
	return 0;
}
