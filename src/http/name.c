#include "http/name.h"

enum {
	NAME_LEN_MAX = 26,
	FIRST_MASK = 0x1f
};

#define NAME_TEXT(id, text) [HTTP_##id] = STR_INIT(text),
static const struct str texts[HTTP_NAME_COUNT] = { HTTP_NAMES(NAME_TEXT) };
#undef NAME_TEXT

/*
 * The only name of that length and first letter (in either case: the low five
 * bits are the same).  The compiler refuses two rows for one place.
 */
#define AT(len, first) [len][(first)&FIRST_MASK]
static const uint8_t by_shape[NAME_LEN_MAX + 1][FIRST_MASK + 1] = {
	AT(2, 't') = HTTP_TE,
	AT(4, 'd') = HTTP_DATE,
	AT(4, 'h') = HTTP_HOST,
	AT(6, 'a') = HTTP_ACCEPT,
	AT(6, 'e') = HTTP_EXPECT,
	AT(6, 'o') = HTTP_ORIGIN,
	AT(6, 's') = HTTP_SERVER,
	AT(7, 'a') = HTTP_API_KEY,
	AT(7, 't') = HTTP_TRAILER,
	AT(7, 'u') = HTTP_UPGRADE,
	AT(10, 'c') = HTTP_CONNECTION,
	AT(10, 'k') = HTTP_KEEP_ALIVE,
	AT(10, 'u') = HTTP_USER_AGENT,
	AT(11, 'r') = HTTP_RETRY_AFTER,
	AT(12, 'c') = HTTP_CONTENT_TYPE,
	AT(12, 'x') = HTTP_X_REQUEST_ID,
	AT(13, 'a') = HTTP_AUTHORIZATION,
	AT(13, 'c') = HTTP_CACHE_CONTROL,
	AT(14, 'c') = HTTP_CONTENT_LENGTH,
	AT(14, 'r') = HTTP_RETRY_AFTER_MS,
	AT(14, 'x') = HTTP_X_SHOULD_RETRY,
	AT(15, 'a') = HTTP_ACCEPT_ENCODING,
	AT(16, 'c') = HTTP_CONTENT_ENCODING,
	AT(16, 'p') = HTTP_PROXY_CONNECTION,
	AT(17, 't') = HTTP_TRANSFER_ENCODING,
	AT(19, 'p') = HTTP_PROXY_AUTHORIZATION,
	AT(19, 'x') = HTTP_X_OGX_PROVIDER_DATA,
	AT(26, 'x') = HTTP_X_LLAMASTACK_PROVIDER_DATA,
};

enum http_name http_name_find(struct str name)
{
	enum http_name id;

	if (name.len == 0 || name.len > NAME_LEN_MAX)
		return HTTP_OTHER;
	id = (enum http_name)by_shape[name.len][name.ptr[0] & FIRST_MASK];
	if (id == HTTP_OTHER || !str_eq_nocase(name, texts[id]))
		return HTTP_OTHER;
	return id;
}

struct str http_name_text(enum http_name id)
{
	return id == HTTP_OTHER ? STR("") : texts[id];
}
