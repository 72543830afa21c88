#include "llm/squeeze.h"

#include "base/utf8.h"

#include <assert.h>
#include <errno.h>

enum {
	PADDING_MAX = 128
};

#define CHOICES STR("\"choices\":[{")

void squeeze_init(struct squeeze *s, size_t max)
{
	*s = (struct squeeze){ 0 };
	buf_init(&s->out, max);
	buf_init(&s->tail, max);
}

void squeeze_release(struct squeeze *s)
{
	buf_release(&s->out);
	buf_release(&s->tail);
	s->is_open = false;
	s->taken = 0;
}

static bool skip(struct str *s, struct str word)
{
	if (!str_starts(*s, word))
		return false;
	*s = str_drop(*s, word.len);
	return true;
}

/* "index":0 */
static bool skip_index(struct str *s)
{
	struct str rest = *s;
	size_t n = 0;

	if (!skip(&rest, STR("\"index\":")))
		return false;
	while (n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9')
		n++;
	if (n == 0 || (n > 1 && rest.ptr[0] == '0'))
		return false;
	*s = str_drop(rest, n);
	return true;
}

size_t squeeze_body_len(struct str s)
{
	const uint8_t *at = (const uint8_t *)s.ptr, *end = at + s.len;
	size_t n = 1;

	while (at < end && n > 0) {
		if (*at < 0x20 || *at == '"')
			break;
		if (*at == '\\') {
			n = end - at >= 2 && at[1] != '\0' &&
					    strchr("\"\\/bfnrt", at[1]) != NULL
				    ? 2
				    : 0;
		} else {
			n = utf8_len(at, end);
		}
		at += n;
	}
	return (size_t)(at - (const uint8_t *)s.ptr);
}

/* Up to a string that the deltas add to.  *end is what closes its delta. */
static bool skip_to_text(struct str *s, struct str *end)
{
	if (!skip(s, STR("\"delta\":{")))
		return false;
	if (skip(s, STR("\"tool_calls\":[{"))) {
		*end = STR("\"}}]}");
		return skip_index(s) &&
		       skip(s, STR(",\"function\":{\"arguments\":\""));
	}
	*end = STR("\"}");
	(void)skip(s, STR("\"role\":\"assistant\","));
	if (!skip(s, STR("\"content\":\"\",")) &&
	    !skip(s, STR("\"content\":null,")) &&
	    skip(s, STR("\"content\":\"")))
		return true;
	return skip(s, STR("\"reasoning_content\":\"")) ||
	       skip(s, STR("\"reasoning\":\""));
}

/* The rest of the choice, of members that say the same each time. */
static bool skip_choice(struct str *s)
{
	static const struct str members[] = {
		STR_INIT("\"logprobs\":null"),
		STR_INIT("\"finish_reason\":null"),
		STR_INIT("\"stop_reason\":null"),
		STR_INIT("\"token_ids\":null"),
		STR_INIT("\"native_finish_reason\":null"),
		STR_INIT("\"content_filter_results\":{}"),
	};

	while (skip(s, STR(","))) {
		size_t i = 0;

		if (skip_index(s))
			continue;
		while (i < countof(members) && !skip(s, members[i]))
			i++;
		if (i == countof(members))
			return false;
	}
	return skip(s, STR("}]"));
}

/* Is it a chunk of which only one text counts?  Then where that text is. */
static bool find_text(struct str data, struct str *out)
{
	size_t at = str_find(data, CHOICES);
	struct str rest = str_drop(data, at), end, text;

	if (!skip(&rest, CHOICES))
		return false;
	if (skip_index(&rest) && !skip(&rest, STR(",")))
		return false;
	if (!skip_to_text(&rest, &end))
		return false;
	text = str_take(rest, squeeze_body_len(rest));
	rest = str_drop(rest, text.len);
	if (!skip(&rest, end) || !skip_choice(&rest) ||
	    str_find(rest, STR("\"choices\"")) < rest.len)
		return false;
	*out = text;
	return true;
}

/* OpenAI makes all chunks equally long: its padding is the last member. */
struct str squeeze_unpadded(struct str data)
{
	struct str word = STR(",\"obfuscation\":\""), end, rest;
	size_t from = data.len > PADDING_MAX ? data.len - PADDING_MAX : 0, at;

	if (!str_ends(data, STR("\"}")))
		return data;
	end = str_drop(data, from);
	at = str_find(end, word);
	rest = str_drop(end, at);
	if (!skip(&rest, word) || squeeze_body_len(rest) + 2 != rest.len)
		return data;
	return str_take(data, from + at);
}

/* Is it as the open one but for the text?  is_cut: its last "}" is missing. */
static bool fits(const struct squeeze *s, struct str data, bool is_cut,
		 struct str *text)
{
	struct str head, tail;
	size_t around;

	if (!s->is_open || s->is_cut != is_cut)
		return false;
	head = (struct str){ s->out.ptr + s->begin, s->head_len };
	tail = str_take(buf_str(&s->tail), s->tail.len - is_cut);
	around = head.len + tail.len;
	if (data.len < around || !str_starts(data, head) ||
	    !str_ends(data, tail))
		return false;
	*text = str_take(str_drop(data, head.len), data.len - around);
	return squeeze_body_len(*text) == text->len;
}

/* So that its end will fit too. */
static int add(struct squeeze *s, struct str text, size_t more)
{
	int r = buf_reserve(&s->out, text.len + more);

	return r == 0 ? buf_add(&s->out, text) : r;
}

void squeeze_close(struct squeeze *s)
{
	static const struct str end = { "", 1 };
	int r;

	if (!s->is_open)
		return;
	r = buf_add(&s->out, buf_str(&s->tail));
	if (r == 0)
		r = buf_add(&s->out, end);
	assert(r == 0);
	s->is_open = false;
}

/* data is whole but for a "}" when its padding was cut. */
static int open_run(struct squeeze *s, struct str data, struct str text,
		    bool is_cut)
{
	size_t head_len = (size_t)(text.ptr - data.ptr);
	struct str tail = str_drop(data, head_len + text.len);
	int r;

	buf_clear(&s->tail);
	r = buf_add(&s->tail, tail);
	if (r == 0 && is_cut)
		r = buf_add(&s->tail, STR("}"));
	s->begin = s->out.len;
	s->head_len = head_len;
	if (r == 0)
		r = add(s, str_take(data, head_len + text.len),
			s->tail.len + 1);
	s->is_open = r == 0;
	s->is_cut = is_cut;
	return r;
}

static int add_alone(struct squeeze *s, struct str data)
{
	static const struct str end = { "", 1 };
	int r = add(s, data, end.len);

	return r == 0 ? buf_add(&s->out, end) : r;
}

int squeeze_add(struct squeeze *s, struct str data)
{
	struct str core = squeeze_unpadded(data), text;
	bool is_cut = core.len < data.len;

	if (fits(s, core, is_cut, &text))
		return add(s, text, s->tail.len + 1);
	squeeze_close(s);
	if (data.len > 0 && memchr(data.ptr, '\0', data.len) != NULL)
		return 0;
	if (find_text(core, &text))
		return open_run(s, core, text, is_cut);
	return add_alone(s, data);
}

bool squeeze_next(struct squeeze *s, struct str *out)
{
	struct str rest = str_drop(buf_str(&s->out), s->taken);

	assert(!s->is_open);
	if (rest.len == 0)
		return false;
	(void)str_cut(rest, '\0', out, &rest);
	s->taken += out->len + 1;
	return true;
}
