#include "recording/recording.h"

#include <stdarg.h>
#include <stdio.h>

int recording_bad(struct recording_problem *problem, const char *fmt, ...)
{
	va_list args;

	if (problem != NULL) {
		va_start(args, fmt);
		(void)vsnprintf(problem->text, sizeof(problem->text), fmt,
				args);
		va_end(args);
	}
	return RECORDING_BAD;
}

static bool has_type(struct str content_type, struct str want)
{
	struct str type, parameters;

	(void)str_cut(content_type, ';', &type, &parameters);
	return str_eq_nocase(str_trim(type), want);
}

enum recording_framing recording_framing_of(struct str content_type,
					    struct str body)
{
	if (has_type(content_type, STR("text/event-stream")))
		return RECORDING_SSE;
	if (has_type(content_type, STR("application/x-ndjson")) ||
	    has_type(content_type, STR("application/jsonl")))
		return RECORDING_NDJSON;
	if (has_type(content_type, STR("application/vnd.amazon.eventstream")))
		return RECORDING_EVENTSTREAM;
	if (has_type(content_type, STR("application/json")) &&
	    str_starts(body, STR("[{")))
		return RECORDING_ARRAY;
	return RECORDING_WHOLE;
}

const char *recording_end_name(enum recording_end end)
{
	static const char *const names[] = {
		[RECORDING_EOF] = "eof",
		[RECORDING_END_RESET] = "reset",
		[RECORDING_UNTERMINATED] = "eof_unterminated",
		[RECORDING_END_TIMEOUT] = "upstream_timeout",
		[RECORDING_CLIENT_ABORT] = "client_abort",
	};

	return (size_t)end < countof(names) ? names[end] : NULL;
}

const char *recording_fail_name(enum recording_fail fail)
{
	static const char *const names[] = {
		[RECORDING_ANSWERED] = "",
		[RECORDING_REFUSED] = "connect_refused",
		[RECORDING_DNS] = "dns",
		[RECORDING_TLS] = "tls",
		[RECORDING_TIMEOUT] = "timeout",
		[RECORDING_RESET] = "reset",
	};

	return (size_t)fail < countof(names) ? names[fail] : NULL;
}

const char *recording_framing_name(enum recording_framing framing)
{
	static const char *const names[] = {
		[RECORDING_WHOLE] = "whole",
		[RECORDING_SSE] = "sse",
		[RECORDING_NDJSON] = "ndjson",
		[RECORDING_ARRAY] = "array",
		[RECORDING_EVENTSTREAM] = "eventstream",
	};

	return (size_t)framing < countof(names) ? names[framing] : NULL;
}

struct str recording_header(const struct http_header *headers, size_t count,
			    struct str name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq_nocase(headers[i].name, name))
			return headers[i].value;
	}
	return STR_NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the string that begins at from ends. */
static size_t string_end(struct str s, size_t from)
{
	size_t at = from + 1;

	while (at < s.len && s.ptr[at] != '"')
		at += s.ptr[at] == '\\' ? 2 : 1;
	return at < s.len ? at + 1 : s.len;
}

struct str recording_compact(struct str json, struct arena *a)
{
	char *out = arena_alloc(a, json.len + 1);
	size_t len = 0, at = 0;

	while (at < json.len) {
		size_t end = at + 1;

		if (json.ptr[at] == '"')
			end = string_end(json, at);
		if (!is_space(json.ptr[at])) {
			memcpy(out + len, json.ptr + at, end - at);
			len += end - at;
		}
		at = end;
	}
	return len == json.len ? json : (struct str){ out, len };
}
