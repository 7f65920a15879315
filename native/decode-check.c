/*
 * Reads plans from standard input, each as a 4-byte length and its bytes, and prints for each a line
 * of JSON: the number of its fault and, when it has none, all that the decoder makes of it. Strings
 * are in hexadecimal. Built with sanitizers: a decoder that lets a plan point outside of itself ends it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static void print_bytes(const uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	putchar('"');
	for (size_t i = 0; i < size; i++) {
		putchar(digits[bytes[i] >> 4]);
		putchar(digits[bytes[i] & 15]);
	}
	putchar('"');
}

static void print_string(const char *text)
{
	print_bytes((const uint8_t *)text, strlen(text));
}

/* The word of the data area at `offset`; 0 where it has none. */
static uint64_t word_at(const struct plan *plan, uint64_t offset)
{
	uint64_t word = 0;
	if (offset + sizeof word <= plan->header->data_size)
		memcpy(&word, plan->data + offset, sizeof word);
	return word;
}

/* The string to which a relocated pointer refers; NULL when the word is none. */
static const char *referent(const struct plan *plan, uint64_t word)
{
	uint64_t offset = word - (uint64_t)(uintptr_t)plan->data;
	return offset < plan->header->data_size ? (const char *)plan->data + offset : NULL;
}

/* The strings of the vector at `offset`, or the one string there, and the word behind the vector. */
static void print_data(const struct plan *plan, uint64_t offset)
{
	const char *text = referent(plan, word_at(plan, offset));
	if (text == NULL) {
		printf(",\"string\":");
		print_string((const char *)plan->data + offset);
		return;
	}
	printf(",\"strings\":[");
	for (const char *comma = ""; text != NULL; comma = ",") {
		printf("%s", comma);
		print_string(text);
		offset += sizeof(uint64_t);
		text = referent(plan, word_at(plan, offset));
	}
	printf("],\"behind\":\"%" PRIu64 "\"", word_at(plan, offset));
}

static void print_step(const struct plan *plan, const struct plan_step *step)
{
	printf("{\"op\":%u,\"number\":%u,\"into\":%u,\"needs\":%u,\"accept\":[%u,%u,%u,%u],\"args\":[", step->op,
	       step->number, step->into, step->needs, step->accept[0], step->accept[1], step->accept[2],
	       step->accept[3]);
	for (int i = 0; i < 6; i++) {
		printf("%s{\"kind\":%u,\"value\":\"%" PRIu64 "\"", i == 0 ? "" : ",", step->kinds[i], step->args[i]);
		if (step->kinds[i] == ARG_DATA)
			print_data(plan, step->args[i]);
		putchar('}');
	}
	printf("]}");
}

/* Every relocated pointer's string. Puts offsets back in place of the addresses, which differ from run to run. */
static void print_pointers(const struct plan *plan)
{
	const struct plan_relocation *relocations =
	    (const struct plan_relocation *)(plan->steps + plan->header->steps);
	for (uint32_t i = 0; i < plan->header->relocations; i++) {
		uint64_t *pointer = (uint64_t *)(plan->data + relocations[i].offset);
		printf("%s", i == 0 ? "" : ",");
		print_string((const char *)(uintptr_t)*pointer);
		*pointer -= (uint64_t)(uintptr_t)plan->data;
	}
}

static void print_plan(const struct plan *plan)
{
	printf(",\"slots\":%u,\"steps\":[", plan->header->slots);
	for (uint32_t i = 0; i < plan->header->steps; i++) {
		printf("%s", i == 0 ? "" : ",");
		print_step(plan, &plan->steps[i]);
	}
	printf("],\"pointers\":[");
	print_pointers(plan);
	printf("],\"data\":");
	print_bytes(plan->data, plan->header->data_size);
}

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
		printf("{\"fault\":%d", fault);
		if (fault == FAULT_NONE)
			print_plan(&plan);
		printf("}\n");
		/* The lines show how far it has come when a sanitizer ends it. */
		fflush(stdout);
		free(bytes);
	}
	return 0;
}
