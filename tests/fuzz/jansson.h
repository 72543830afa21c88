/*
 * jansson - an independent JSON parser, if the machine has it.
 *
 *	if (jansson_open())
 *		v = jansson.loadb(text, len, JANSSON_FLAGS, &error);
 *
 * Loaded when running, not linked: its names (json_object, json_array ...) are
 * ours as well, and the linker would make it call us.  Hence these few lines of
 * its interface, version 2.
 */
#ifndef TESTS_FUZZ_JANSSON_H
#define TESTS_FUZZ_JANSSON_H

#include "base/str.h"

#include <dlfcn.h>

enum jansson_type {
	JANSSON_OBJECT,
	JANSSON_ARRAY,
	JANSSON_STRING,
	JANSSON_INTEGER,
	JANSSON_REAL,
	JANSSON_TRUE,
	JANSSON_FALSE,
	JANSSON_NULL
};

enum {
	JANSSON_FLAGS = 0x4 | 0x10 /* any value at the top; \u0000 */
};

struct jansson_value {
	enum jansson_type type;
	size_t references;
};

struct jansson_error {
	int line, column, position;
	char source[80];
	char text[160];
};

static struct {
	struct jansson_value *(*loadb)(const char *, size_t, size_t,
				       struct jansson_error *);
	void (*delete)(struct jansson_value *);
	size_t (*object_size)(const struct jansson_value *);
	struct jansson_value *(*object_get)(const struct jansson_value *,
					    const char *);
	size_t (*array_size)(const struct jansson_value *);
	struct jansson_value *(*array_get)(const struct jansson_value *,
					   size_t);
	const char *(*string_value)(const struct jansson_value *);
	size_t (*string_length)(const struct jansson_value *);
	long long (*integer_value)(const struct jansson_value *);
	double (*real_value)(const struct jansson_value *);
} jansson;

static inline bool jansson_open(void)
{
	static const struct {
		const char *name;
		void *place;
	} functions[] = {
		{ "json_loadb", &jansson.loadb },
		{ "json_delete", &jansson.delete },
		{ "json_object_size", &jansson.object_size },
		{ "json_object_get", &jansson.object_get },
		{ "json_array_size", &jansson.array_size },
		{ "json_array_get", &jansson.array_get },
		{ "json_string_value", &jansson.string_value },
		{ "json_string_length", &jansson.string_length },
		{ "json_integer_value", &jansson.integer_value },
		{ "json_real_value", &jansson.real_value },
	};
	static bool tried;
	void *handle;

	if (tried)
		return jansson.loadb != NULL;
	tried = true;
	handle = dlopen("libjansson.so.4", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; handle != NULL && i < countof(functions); i++) {
		void *function = dlsym(handle, functions[i].name);

		memcpy(functions[i].place, &function, sizeof(function));
	}
	return jansson.loadb != NULL;
}

#endif
