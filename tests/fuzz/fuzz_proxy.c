/*
 * NO_PROXY lists: a list says no more and no less than its entries one by one,
 * and a host that is an entry is exempt.
 */
#include "net/proxy.h"

#include "tests/fuzz/require.h"

enum {
	IN_MAX = 4096,
	PORT = 443
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool any_entry(struct str list, struct str host)
{
	bool any = false;

	while (list.len > 0) {
		struct str entry;

		(void)str_cut(list, ',', &entry, &list);
		any = any || proxy_is_bypassed(entry, host, PORT);
	}
	return any;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = str_lower(s.ptr[i]);

		if ((c < 'a' || c > 'z') && c != '-')
			return false;
	}
	return s.len > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len }, host, list;

	if (len > IN_MAX)
		return 0;
	(void)str_cut(all, '\n', &host, &list);
	require(proxy_is_bypassed(list, host, PORT) == any_entry(list, host));
	require(!is_name(host) || proxy_is_bypassed(host, host, PORT));
	require(proxy_is_bypassed(STR("*"), host, PORT));
	require(!proxy_is_bypassed(STR(""), host, PORT));
	return 0;
}
