/*
 * Any bytes as the header of a client's provider data: what is taken can be
 * sent, and nothing that is secret stays readable.
 */
#include "provider/provider_data.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_member(const struct provider_data *found,
			 const struct provider_data_member *m, struct arena *a)
{
	struct api_error e;
	struct str value;

	if (provider_data_field(found, m->name, a, &value, &e) != 0)
		return;
	check(m->is_string && value.len <= PROVIDER_DATA_VALUE_MAX);
	for (size_t i = 0; i < value.len; i++)
		check(value.ptr[i] > ' ' && value.ptr[i] <= '~');
	if (value.len >= 8) {
		struct str text =
			arena_printf(a, "(" STR_FMT ")", STR_ARG(value));

		text = provider_data_hide(text, value, a);
		check(str_find(text, value) == text.len ||
		      str_find(value, STR("********")) < value.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http_header header = {
		.id = HTTP_X_OGX_PROVIDER_DATA,
		.value = { (const char *)data, len },
	};
	struct http_head head = { .headers = &header, .header_count = 1 };
	const struct provider_data *found = NULL;
	struct api_error e = { 0 };
	struct arena a;

	arena_init(&a, 64 << 20);
	if (provider_data_read(&head, &a, &found, &e) == 0) {
		check(found->count <= PROVIDER_DATA_MEMBERS_MAX);
		for (size_t i = 0; i < found->count; i++)
			check_member(found, &found->members[i], &a);
	} else {
		check(e.status == 400 && e.message.len > 0);
	}
	arena_fini(&a);
	return 0;
}
