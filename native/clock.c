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

/* What is wanted of the dynamic section, elf(5). */
struct symbols {
	const Elf64_Sym *table;
	const char *names;
	uint32_t count;
};

/* `bias` is what has to be added to the addresses in a file for those in memory. */
static struct symbols read_dynamic(const Elf64_Dyn *entry, uint64_t bias)
{
	struct symbols symbols = {NULL, NULL, 0};
	for (; entry->d_tag != DT_NULL; entry++) {
		const void *address = (const void *)(bias + entry->d_un.d_ptr);
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

static clock_gettime_function *find_function(uint64_t vdso)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)vdso;
	const Elf64_Phdr *part = (const Elf64_Phdr *)(vdso + header->e_phoff);
	const Elf64_Dyn *dynamic = NULL;
	uint64_t bias = vdso;
	for (int i = 0; i < header->e_phnum; i++) {
		if (part[i].p_type == PT_LOAD)
			bias = vdso + part[i].p_offset - part[i].p_vaddr;
		if (part[i].p_type == PT_DYNAMIC)
			dynamic = (const Elf64_Dyn *)(vdso + part[i].p_offset);
	}
	if (dynamic == NULL)
		return NULL;
	struct symbols symbols = read_dynamic(dynamic, bias);
	if (symbols.table == NULL || symbols.names == NULL)
		return NULL;
	for (uint32_t i = 0; i < symbols.count; i++)
		if (equal(symbols.names + symbols.table[i].st_name, function_name))
			return (clock_gettime_function *)(bias + symbols.table[i].st_value);
	return NULL;
}

/* Where there is no vDSO, or one without DT_HASH, the system call is made. */
void find_clock(const unsigned long *auxiliary)
{
	for (; auxiliary[0] != AT_NULL; auxiliary += 2)
		if (auxiliary[0] == AT_SYSINFO_EHDR)
			from_vdso = find_function(auxiliary[1]);
}

uint64_t monotonic(void)
{
	struct timespec now = {0, 0};
	if (from_vdso == NULL || from_vdso(CLOCK_MONOTONIC, &now) != 0)
		sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
