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

/* As JSON writes it: "-12.345", but not "007" or "1.". */
static bool is_number(struct str s)
{
	struct str whole, part;
	bool point;

	if (str_starts(s, STR("-")))
		s = str_drop(s, 1);
	point = str_cut(s, '.', &whole, &part);
	if (whole.len == 0 || s.len > 18 || (point && part.len == 0) ||
	    (whole.len > 1 && whole.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (i != whole.len && (s.ptr[i] < '0' || s.ptr[i] > '9'))
			return false;
	}
	return true;
}

/* Where the value at the start of s ends: a space, or after its quotes. */
static size_t value_len(struct str s)
{
	bool quoted = s.len > 0 && s.ptr[0] == '"';
	size_t i = quoted;

	while (i < s.len && s.ptr[i] != (quoted ? '"' : ' '))
		i += quoted && s.ptr[i] == '\\' && i + 1 < s.len ? 2 : 1;
	return i < s.len && quoted ? i + 1 : i;
}

static void add_value(struct line *line, struct str s)
{
	bool plain = is_number(s) || str_eq(s, STR("true")) ||
		     str_eq(s, STR("false"));

	if (s.len > 1 && s.ptr[0] == '"' && str_ends(s, STR("\"")))
		s = str_take(str_drop(s, 1), s.len - 2);
	if (!plain)
		add(line, STR("\""));
	add_escaped(line, s, true);
	if (!plain)
		add(line, STR("\""));
}

/* " key=value key=value" as members. */
static void add_fields(struct line *line, struct str s)
{
	while (s.len > 0) {
		struct str key, value;

		s = str_drop(s, 1); /* the space */
		(void)str_cut(s, '=', &key, &s);
		value = str_take(s, value_len(s));
		s = str_drop(s, value.len);
		if (key.len == 0 || value.len == 0)
			continue;
		add(line, STR(",\""));
		add_escaped(line, key, true);
		add(line, STR("\":"));
		add_value(line, value);
	}
}

static struct str masked(struct log_page *page, struct str s)
{
	return log_mask(s, page->masked, sizeof(page->masked));
}

struct str log_text(struct log_page *page, struct log_format format)
{
	const struct log_record *rec = &page->rec;
	struct line line = { .ptr = page->text };
	struct str text = { rec->text, rec->text_len };
	size_t end = format.json ? rec->fields_at : text.len;

	assert(rec->level < countof(level_names));
	assert(rec->fields_at <= rec->text_len);

	add_prefix(&line, rec, format);
	add_escaped(&line, masked(page, str_take(text, end)), format.json);
	if (rec->cut && end == text.len)
		add(&line, STR("..."));
	add(&line, format.json ? STR("\"") : STR("\n"));
	if (format.json) {
		add_fields(&line, masked(page, str_drop(text, end)));
		add(&line, STR("}\n"));
	}
	return (struct str){ page->text, line.len };
}
