/*
 * libseccomp (seccomp(3)) for TypeScript, as a Node-API module of its own: it is loaded only where a
 * profile has to be compiled, and only there the host needs the library. Each function is one of the
 * library's; what is wanted of a filter is decided in src/seccomp.
 */
#include <errno.h>
#include <node_api.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ARGS = 5, NAME = 128, COMPARISONS = 6, WORDS = 4 };

static napi_value refuse(napi_env env, const char *why)
{
	napi_throw_type_error(env, NULL, why);
	return NULL;
}

static napi_value to_number(napi_env env, int32_t value)
{
	napi_value number = NULL;
	napi_create_int32(env, value, &number);
	return number;
}

static void release(napi_env env, void *filter, void *hint)
{
	(void)env;
	(void)hint;
	seccomp_release(filter);
}

/* The arguments of a function, the first of which is a filter when `filter` is not NULL. */
static bool arguments(napi_env env, napi_callback_info info, napi_value args[ARGS], scmp_filter_ctx *filter)
{
	size_t count = ARGS;
	napi_get_cb_info(env, info, &count, args, NULL, NULL);
	return filter == NULL || napi_get_value_external(env, args[0], filter) == napi_ok;
}

/* version(): of the library in use, such as 2.5.4. */
static napi_value version(napi_env env, napi_callback_info info)
{
	(void)info;
	const struct scmp_version *found = seccomp_version();
	char text[NAME];
	napi_value result = NULL;
	int size = snprintf(text, sizeof text, "%u.%u.%u", found->major, found->minor, found->micro);
	napi_create_string_utf8(env, text, (size_t)size, &result);
	return result;
}

/* number(token, name): seccomp_syscall_resolve_name_arch(3); -1 for a name that the library does not know. */
static napi_value number(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS];
	uint32_t token;
	char text[NAME];
	size_t length;
	if (!arguments(env, info, args, NULL) || napi_get_value_uint32(env, args[0], &token) != napi_ok ||
	    napi_get_value_string_utf8(env, args[1], text, sizeof text, &length) != napi_ok)
		return refuse(env, "number(token, name)");
	return to_number(env, seccomp_syscall_resolve_name_arch(token, text));
}

/* name(token, number): seccomp_syscall_resolve_num_arch(3); empty for a number that the library does not know. */
static napi_value name(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS], result = NULL;
	uint32_t token;
	int32_t call;
	if (!arguments(env, info, args, NULL) || napi_get_value_uint32(env, args[0], &token) != napi_ok ||
	    napi_get_value_int32(env, args[1], &call) != napi_ok)
		return refuse(env, "name(token, number)");
	char *found = seccomp_syscall_resolve_num_arch(token, call);
	napi_create_string_utf8(env, found == NULL ? "" : found, NAPI_AUTO_LENGTH, &result);
	free(found);
	return result;
}

/* open(action): seccomp_init(3). */
static napi_value open_filter(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS], result = NULL;
	uint32_t action;
	if (!arguments(env, info, args, NULL) || napi_get_value_uint32(env, args[0], &action) != napi_ok)
		return refuse(env, "open(action)");
	scmp_filter_ctx filter = seccomp_init(action);
	if (filter == NULL)
		return refuse(env, "libseccomp does not know the default action");
	napi_create_external(env, filter, release, NULL, &result);
	return result;
}

/* attribute(filter, attribute, value): seccomp_attr_set(3); 0 or a negative errno. */
static napi_value attribute(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS];
	scmp_filter_ctx filter;
	uint32_t which, value;
	if (!arguments(env, info, args, &filter) || napi_get_value_uint32(env, args[1], &which) != napi_ok ||
	    napi_get_value_uint32(env, args[2], &value) != napi_ok)
		return refuse(env, "attribute(filter, attribute, value)");
	return to_number(env, seccomp_attr_set(filter, which, value));
}

/* architecture(filter, token, wanted): seccomp_arch_add(3) or seccomp_arch_remove(3); 0 or a negative errno. */
static napi_value architecture(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS];
	scmp_filter_ctx filter;
	uint32_t token;
	bool wanted;
	if (!arguments(env, info, args, &filter) || napi_get_value_uint32(env, args[1], &token) != napi_ok ||
	    napi_get_value_bool(env, args[2], &wanted) != napi_ok)
		return refuse(env, "architecture(filter, token, wanted)");
	return to_number(env, wanted ? seccomp_arch_add(filter, token) : seccomp_arch_remove(filter, token));
}

/*
 * rule(filter, action, number, comparisons): seccomp_rule_add_array(3) of a number as this
 * architecture has it; 0 or a negative errno. Of the comparisons, all of which must hold, each is
 * four words of a BigUint64Array: argument, operator, operand, second operand.
 */
static napi_value rule(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS];
	scmp_filter_ctx filter;
	uint32_t action;
	int32_t call;
	napi_typedarray_type type;
	size_t words;
	void *at;
	if (!arguments(env, info, args, &filter) || napi_get_value_uint32(env, args[1], &action) != napi_ok ||
	    napi_get_value_int32(env, args[2], &call) != napi_ok ||
	    napi_get_typedarray_info(env, args[3], &type, &words, &at, NULL, NULL) != napi_ok ||
	    type != napi_biguint64_array || words % WORDS != 0 || words > COMPARISONS * WORDS)
		return refuse(env, "rule(filter, action, number, comparisons)");
	const uint64_t *from = at;
	struct scmp_arg_cmp comparisons[COMPARISONS];
	for (size_t i = 0; i < words / WORDS; i++, from += WORDS) {
		comparisons[i] = (struct scmp_arg_cmp){.arg = (unsigned)from[0],
		                                       .op = (enum scmp_compare)from[1],
		                                       .datum_a = from[2],
		                                       .datum_b = from[3]};
	}
	return to_number(env, seccomp_rule_add_array(filter, action, call, (unsigned)(words / WORDS), comparisons));
}

static napi_value read_program(napi_env env, int file)
{
	off_t size = lseek(file, 0, SEEK_END);
	napi_value buffer = NULL, result = NULL;
	void *bytes;
	if (size <= 0 || napi_create_arraybuffer(env, (size_t)size, &bytes, &buffer) != napi_ok)
		return to_number(env, -EIO);
	if (pread(file, bytes, (size_t)size, 0) != size)
		return to_number(env, -EIO);
	napi_create_typedarray(env, napi_uint8_array, (size_t)size, buffer, 0, &result);
	return result;
}

/* program(filter): seccomp_export_bpf(3), as an array of struct sock_filter, or a negative errno. */
static napi_value program(napi_env env, napi_callback_info info)
{
	napi_value args[ARGS], result;
	scmp_filter_ctx filter;
	if (!arguments(env, info, args, &filter))
		return refuse(env, "program(filter)");
	int file = (int)memfd_create("tsbox-filter", MFD_CLOEXEC);
	if (file < 0)
		return to_number(env, -errno);
	int failed = seccomp_export_bpf(filter, file);
	result = failed < 0 ? to_number(env, failed) : read_program(env, file);
	close(file);
	return result;
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{"version", NULL, version, NULL, NULL, NULL, napi_default, NULL},
		{"number", NULL, number, NULL, NULL, NULL, napi_default, NULL},
		{"name", NULL, name, NULL, NULL, NULL, napi_default, NULL},
		{"open", NULL, open_filter, NULL, NULL, NULL, napi_default, NULL},
		{"attribute", NULL, attribute, NULL, NULL, NULL, napi_default, NULL},
		{"architecture", NULL, architecture, NULL, NULL, NULL, napi_default, NULL},
		{"rule", NULL, rule, NULL, NULL, NULL, napi_default, NULL},
		{"program", NULL, program, NULL, NULL, NULL, napi_default, NULL},
	};
	napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
	return exports;
}
