#include "http/write.h"

#include "base/err.h"
#include "http/scan.h"

#include <errno.h>

enum {
	NUMBER_MAX = 24
};

static void add(struct http_writer *w, struct str s)
{
	if (w->error == 0)
		w->error = buf_add(w->out, s);
}

static void require(struct http_writer *w, bool valid)
{
	if (w->error == 0 && !valid) {
		w->error = err_new(-EINVAL,
				   "http: a byte that may not stand in a head");
	}
}

static bool is_token(struct str s)
{
	return s.len > 0 && scan_all(s, SCAN_TOKEN);
}

void http_write_request(struct http_writer *w, struct str method,
			struct str target)
{
	require(w, is_token(method) && scan_is_target(target));
	add(w, method);
	add(w, STR(" "));
	add(w, target);
	add(w, STR(" HTTP/1.1\r\n"));
}

void http_write_status(struct http_writer *w, int status)
{
	char digits[] = { (char)('0' + status / 100 % 10),
			  (char)('0' + status / 10 % 10),
			  (char)('0' + status % 10), ' ' };

	require(w, status >= 100 && status <= 999);
	add(w, STR("HTTP/1.1 "));
	add(w, (struct str){ digits, sizeof(digits) });
	add(w, http_reason(status));
	add(w, STR("\r\n"));
}

static char *put(char *at, struct str s)
{
	if (s.len > 0)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

void http_write_header(struct http_writer *w, struct str name, struct str value)
{
	char *at;

	require(w, is_token(name) && scan_value(value) == value.len);
	if (w->error == 0)
		w->error = buf_reserve(w->out, name.len + value.len + 4);
	if (w->error != 0)
		return;
	at = put(w->out->ptr + w->out->len, name);
	at = put(at, STR(": "));
	at = put(at, value);
	at = put(at, STR("\r\n"));
	w->out->len = (size_t)(at - w->out->ptr);
}

void http_write_number(struct http_writer *w, struct str name, uint64_t n)
{
	char digits[NUMBER_MAX];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	http_write_header(w, name,
			  (struct str){ digits + at, sizeof(digits) - at });
}

int http_write_end(struct http_writer *w)
{
	add(w, STR("\r\n"));
	return w->error < 0 ? err_up(w->error) : 0;
}
