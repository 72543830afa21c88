#include "base/log_text.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"

/* Where the line is written; LOG_TEXT_MAX bytes always suffice. */
struct line {
	char *ptr;
	size_t len;
};

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

/* Grey, none, yellow, red. */
static const char *const level_colours[] = {
	[LOG_DEBUG] = "\x1b[90m",
	[LOG_INFO] = "",
	[LOG_WARN] = "\x1b[33m",
	[LOG_ERROR] = "\x1b[31m",
};

static void add(struct line *line, struct str s)
{
	assert(s.len <= LOG_TEXT_MAX - line->len);

	if (s.len > 0)
		memcpy(line->ptr + line->len, s.ptr, s.len);
	line->len += s.len;
}

/* An escape such as \u: its letter, then the number in so many digits. */
static void add_hex(struct line *line, char mark, uint32_t n, int digits)
{
	char text[8];
	int len = snprintf(text, sizeof(text), "\\%c%0*x", mark, digits, n);

	add(line, (struct str){ text, (size_t)len });
}

/*
 * C1 controls are as good as ESC on some terminals; the others break lines or
 * turn the direction of what follows.
 */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void add_unsafe(struct line *line, uint32_t c, bool json)
{
	if (c == '\n') {
		add(line, STR("\\n"));
	} else if (c == '\r') {
		add(line, STR("\\r"));
	} else if (c == '\t') {
		add(line, STR("\\t"));
	} else if (c < 0x80 && !json) {
		add_hex(line, 'x', c, 2);
	} else {
		add_hex(line, 'u', c, 4);
	}
}

static void add_escaped(struct line *line, struct str s, bool json)
{
	const uint8_t *at = (const uint8_t *)s.ptr;
	const uint8_t *end = at + s.len;

	while (at < end) {
		size_t n = utf8_len(at, end);
		uint32_t c = n > 0 ? utf8_char(at, n) : 0;

		if (n == 0 && json) {
			add(line, STR("\\ufffd"));
		} else if (n == 0) {
			add_hex(line, 'x', *at, 2);
		} else if (json && (c == '"' || c == '\\')) {
			add(line, c == '"' ? STR("\\\"") : STR("\\\\"));
		} else if (is_unsafe(c)) {
			add_unsafe(line, c, json);
		} else {
			add(line, (struct str){ (const char *)at, n });
		}
		at += n > 0 ? n : 1;
	}
}

static bool is_id_char(char c)
{
	return (c >= '0' && c <= '9') ||
	       (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '_' ||
	       c == '-' || c == '.' || c == ':';
}

/* Some ids come from outside: none may look like the end of its brackets. */
static void add_plain_id(struct line *line, struct str id)
{
	add(line, STR("["));
	for (size_t i = 0; i < id.len; i++) {
		bool ok = is_id_char(id.ptr[i]);

		add(line, ok ? (struct str){ id.ptr + i, 1 } : STR("?"));
	}
	add(line, STR("] "));
}

static void add_prefix(struct line *line, const struct log_record *rec,
		       struct log_format format)
{
	char time[CLOCK_TEXT_LEN + 1];
	struct str level = str_of(level_names[rec->level]);
	struct str id = { rec->id, rec->id_len };

	add(line, format.json ? STR("{\"ts\":\"") : STR(""));
	add(line, clock_text(rec->wall_ns, time));
	if (format.json) {
		add(line, STR("\",\"level\":\""));
		add(line, level);
		add(line, STR("\",\""));
		if (id.len > 0) {
			add(line, STR("request_id\":\""));
			add_escaped(line, id, true);
			add(line, STR("\",\""));
		}
		add(line, STR("msg\":\""));
		return;
	}
	add(line, STR(" "));
	add(line, str_of(format.colour ? level_colours[rec->level] : ""));
	add(line, level);
	add(line,
	    format.colour && rec->level != LOG_INFO ? STR("\x1b[0m") : STR(""));
	add(line, str_drop(STR("      "), level.len));
	if (id.len > 0)
		add_plain_id(line, id);
}

struct str log_text(struct log_page *page, struct log_format format)
{
	const struct log_record *rec = &page->rec;
	struct line line = { .ptr = page->text };
	struct str text = { rec->text, rec->text_len };

	assert(rec->level < countof(level_names));

	add_prefix(&line, rec, format);
	text = log_mask(text, page->masked, sizeof(page->masked));
	add_escaped(&line, text, format.json);
	if (rec->cut)
		add(&line, STR("..."));
	add(&line, format.json ? STR("\"}\n") : STR("\n"));
	return (struct str){ page->text, line.len };
}
