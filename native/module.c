/*
 * What TypeScript calls of native code, as a Node-API module (https://nodejs.org/api/n-api.html):
 * any system call, the clone of a process that runs tsbox-init, the address of an array, and what the
 * event loop waits on.
 */
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launch.h"
#include "syscall.h"

enum { WORDS = 6, TEXT = 8192 };

/* Where strings are kept while the call is made. */
struct text {
	size_t used;
	char bytes[TEXT];
};

static bool refuse(napi_env env, const char *why)
{
	napi_throw_type_error(env, NULL, why);
	return false;
}

static bool address_of(napi_env env, napi_value value, void **address)
{
	if (napi_get_typedarray_info(env, value, NULL, NULL, address, NULL, NULL) == napi_ok)
		return true;
	return refuse(env, "an object that is no typed array has no address");
}

/* The address and the number of elements of an array of that type. */
static bool elements_of(napi_env env, napi_value value, napi_typedarray_type wanted, void **address, size_t *count)
{
	napi_typedarray_type type;
	napi_status status = napi_get_typedarray_info(env, value, &type, count, address, NULL, NULL);
	return (status == napi_ok && type == wanted) || refuse(env, "not an array of the type that is needed");
}

/*
 * The final zero is napi_get_value_string_utf8's. What has no room is cut off, by whole characters of
 * up to four bytes. A zero in the string would end it for the kernel.
 */
static bool copy_text(napi_env env, napi_value value, struct text *text, int64_t *word)
{
	char *start = text->bytes + text->used;
	size_t room = TEXT - text->used, length = 0;
	if (napi_get_value_string_utf8(env, value, start, room, &length) != napi_ok || length + 4 >= room)
		return refuse(env, "the strings of a system call are too long");
	for (size_t i = 0; i < length; i++)
		if (start[i] == 0)
			return refuse(env, "a string of a system call cannot hold a zero");
	text->used += length + 1;
	*word = (int64_t)start;
	return true;
}

/* A number is the word itself; a string or a typed array is given by its address. */
static bool to_word(napi_env env, napi_value value, struct text *text, int64_t *word)
{
	napi_valuetype type = napi_undefined;
	void *address = NULL;
	bool lossless;
	napi_typeof(env, value, &type);
	switch (type) {
	case napi_undefined:
	case napi_null:
		*word = 0;
		return true;
	case napi_number:
		return napi_get_value_int64(env, value, word) == napi_ok;
	case napi_bigint:
		return napi_get_value_bigint_int64(env, value, word, &lossless) == napi_ok;
	case napi_string:
		return copy_text(env, value, text, word);
	case napi_object:
		if (!address_of(env, value, &address))
			return false;
		*word = (int64_t)address;
		return true;
	default:
		return refuse(env, "not an argument of a system call");
	}
}

static napi_value to_number(napi_env env, int64_t value)
{
	napi_value number = NULL;
	napi_create_int64(env, value, &number);
	return number;
}

/* syscall(number, ...up to six words): what the kernel returns, a negative errno on failure. */
static napi_value make_call(napi_env env, napi_callback_info info)
{
	napi_value args[1 + WORDS];
	size_t count = 1 + WORDS;
	int64_t words[1 + WORDS];
	struct text text;
	text.used = 0;
	napi_get_cb_info(env, info, &count, args, NULL, NULL);
	for (int i = 0; i < 1 + WORDS; i++)
		if (!to_word(env, args[i], &text, &words[i]))
			return NULL;
	return to_number(env, sys6(words[0], words[1], words[2], words[3], words[4], words[5], words[6]));
}

/* launch(Uint8Array struct clone_args, Int32Array files): tsbox_launch(). */
static napi_value launch(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	size_t count = 2, bytes, size;
	void *clone, *files;
	napi_get_cb_info(env, info, &count, args, NULL, NULL);
	if (!elements_of(env, args[0], napi_uint8_array, &clone, &bytes) ||
	    !elements_of(env, args[1], napi_int32_array, &files, &size))
		return NULL;
	if (bytes < sizeof(struct clone_args)) {
		refuse(env, "less than a struct clone_args");
		return NULL;
	}
	return to_number(env, tsbox_launch(clone, files, size));
}

/* address(array): where its bytes are, as a bigint. */
static napi_value address(napi_env env, napi_callback_info info)
{
	napi_value array, result = NULL;
	size_t count = 1;
	void *where;
	napi_get_cb_info(env, info, &count, &array, NULL, NULL);
	if (address_of(env, array, &where))
		napi_create_bigint_uint64(env, (uint64_t)where, &result);
	return result;
}

/* libuv's, which is part of Node: uv.h is not among the headers of Node-API. */
extern int uv_backend_fd(const struct uv_loop_s *);
extern int uv_backend_timeout(const struct uv_loop_s *);
extern void uv_update_time(struct uv_loop_s *);

/* events(): a descriptor that can be read when something waits for this thread's event loop. */
static napi_value events(napi_env env, napi_callback_info info)
{
	struct uv_loop_s *loop = NULL;
	(void)info;
	napi_get_uv_event_loop(env, &loop);
	return to_number(env, uv_backend_fd(loop));
}

/* nextTimer(): milliseconds until this thread's event loop has something to do by the clock; -1 for nothing. */
static napi_value next_timer(napi_env env, napi_callback_info info)
{
	struct uv_loop_s *loop = NULL;
	(void)info;
	napi_get_uv_event_loop(env, &loop);
	uv_update_time(loop);
	return to_number(env, uv_backend_timeout(loop));
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{"syscall", NULL, make_call, NULL, NULL, NULL, napi_default, NULL},
		{"launch", NULL, launch, NULL, NULL, NULL, napi_default, NULL},
		{"address", NULL, address, NULL, NULL, NULL, napi_default, NULL},
		{"events", NULL, events, NULL, NULL, NULL, napi_default, NULL},
		{"nextTimer", NULL, next_timer, NULL, NULL, NULL, napi_default, NULL},
	};
	napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
	return exports;
}
