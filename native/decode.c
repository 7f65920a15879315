/* Refuses every plan that could make the interpreter touch memory outside of it. Pure: no system calls. */
#include "plan.h"

static int slot_exists(const struct plan_header *header, uint64_t slot)
{
	return slot < header->slots;
}

static enum plan_fault check_step(const struct plan_header *header, const struct plan_step *step)
{
	if (step->op >= OP_COUNT)
		return FAULT_OP;
	if (step->into != PLAN_NO_SLOT && !slot_exists(header, step->into))
		return FAULT_SLOT;
	if (step->needs != PLAN_NO_SLOT && !slot_exists(header, step->needs & ~PLAN_UNLESS))
		return FAULT_SLOT;
	for (int i = 0; i < 6; i++) {
		if (step->kinds[i] >= ARG_COUNT)
			return FAULT_ARG;
		if (step->kinds[i] == ARG_DATA && step->args[i] >= header->data_size)
			return FAULT_POINTER;
		if (step->kinds[i] == ARG_SLOT && !slot_exists(header, step->args[i]))
			return FAULT_SLOT;
	}
	return FAULT_NONE;
}

static enum plan_fault relocate(const struct plan_header *header, const struct plan_relocation *relocations,
                                uint8_t *data)
{
	for (uint32_t i = 0; i < header->relocations; i++) {
		uint32_t offset = relocations[i].offset;
		if (offset % 8 != 0 || header->data_size < 8 || offset > header->data_size - 8)
			return FAULT_RELOCATION;
		uint64_t *pointer = (uint64_t *)(data + offset);
		if (*pointer >= header->data_size)
			return FAULT_RELOCATION;
		*pointer += (uint64_t)(uintptr_t)data;
	}
	return FAULT_NONE;
}

enum plan_fault plan_decode(uint8_t *bytes, size_t size, struct plan *plan)
{
	const struct plan_header *header = (const struct plan_header *)bytes;
	if (size < sizeof *header)
		return FAULT_SHORT;
	if (header->magic != PLAN_MAGIC)
		return FAULT_MAGIC;
	if (header->version != PLAN_VERSION)
		return FAULT_VERSION;
	if (header->steps > PLAN_MAX_STEPS || header->slots > PLAN_MAX_SLOTS || header->data_size > PLAN_MAX_DATA ||
	    header->relocations > PLAN_MAX_DATA / 8)
		return FAULT_LIMIT;

	size_t steps_end = sizeof *header + (size_t)header->steps * sizeof(struct plan_step);
	size_t relocations_end = steps_end + (size_t)header->relocations * sizeof(struct plan_relocation);
	/* The data area begins at the next multiple of 8. */
	size_t data_start = (relocations_end + 7) & ~(size_t)7;
	if (size < data_start + header->data_size)
		return FAULT_SHORT;
	if (size > data_start + header->data_size)
		return FAULT_LENGTH;

	plan->header = header;
	plan->steps = (const struct plan_step *)(bytes + sizeof *header);
	plan->data = bytes + data_start;
	if (header->data_size == 0 || plan->data[header->data_size - 1] != 0)
		return FAULT_DATA;
	for (uint32_t i = 0; i < header->steps; i++) {
		enum plan_fault fault = check_step(header, &plan->steps[i]);
		if (fault != FAULT_NONE)
			return fault;
	}
	return relocate(header, (const struct plan_relocation *)(bytes + steps_end), plan->data);
}
