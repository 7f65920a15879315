/* CLOCK_MONOTONIC, read a few hundred times: from the vDSO (vdso(7)), as a system call takes longer than many a step. */
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/time.h>

#include "init.h"

#if defined(__x86_64__)
static const char function_name[] = "__vdso_clock_gettime";
#elif defined(__aarch64__)
static const char function_name[] = "__kernel_clock_gettime";
#endif

typedef int clock_gettime_function(long clock, struct timespec *now);

static clock_gettime_function *from_vdso;

static int equal(const char *one, const char *other)
{
	while (*one == *other && *one != 0)
		one++, other++;
	return *one == *other;
}

/* What is wanted of the dynamic section, elf(5); addresses in it are offsets in the vDSO. */
struct symbols {
	const Elf64_Sym *table;
	const char *names;
	uint32_t count;
};

static struct symbols read_dynamic(const uint8_t *vdso, const Elf64_Dyn *entry)
{
	struct symbols symbols = {NULL, NULL, 0};
	for (; entry->d_tag != DT_NULL; entry++) {
		const void *address = vdso + entry->d_un.d_ptr;
		if (entry->d_tag == DT_SYMTAB)
			symbols.table = address;
		if (entry->d_tag == DT_STRTAB)
			symbols.names = address;
		/* nbucket, nchain: there is one chain entry for each symbol. */
		if (entry->d_tag == DT_HASH)
			symbols.count = ((const uint32_t *)address)[1];
	}
	return symbols;
}

/* Where there is no vDSO, or one without DT_HASH, the system call is made. */
void find_clock(const unsigned long *auxiliary)
{
	while (auxiliary[0] != AT_NULL && auxiliary[0] != AT_SYSINFO_EHDR)
		auxiliary += 2;
	if (auxiliary[0] == AT_NULL)
		return;
	const uint8_t *vdso = (const uint8_t *)auxiliary[1];
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)vdso;
	const Elf64_Phdr *part = (const Elf64_Phdr *)(vdso + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (part[i].p_type != PT_DYNAMIC)
			continue;
		struct symbols symbols = read_dynamic(vdso, (const Elf64_Dyn *)(vdso + part[i].p_offset));
		for (uint32_t k = 0; symbols.table != NULL && symbols.names != NULL && k < symbols.count; k++)
			if (equal(symbols.names + symbols.table[k].st_name, function_name))
				from_vdso = (clock_gettime_function *)(uintptr_t)(vdso + symbols.table[k].st_value);
	}
}

uint64_t monotonic(void)
{
	struct timespec now = {0, 0};
	if (from_vdso == NULL || from_vdso(CLOCK_MONOTONIC, &now) != 0)
		sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
