#include "provider/shown.h"

#include "base/utf8.h"

enum {
	SHOWN_MAX = 300,       /* bytes that are repeated */
	LOOKED_AT_MAX = 16384, /* a page begins with what nobody reads */
};

static bool begins(struct str text, struct str word)
{
	return str_eq_nocase(str_take(text, word.len), word);
}

/* Past a tag that begins at text; what stands in style and script goes too. */
static struct str skip_tag(struct str text)
{
	static const struct str hidden[] = { STR_INIT("<style"),
					     STR_INIT("<script") };
	bool is_hidden = begins(text, hidden[0]) || begins(text, hidden[1]);

	while (is_hidden && text.len > 0 && !begins(text, STR("</s"))) {
		text = str_drop(text, 1);
		text = str_drop(text, str_find(text, STR("</")));
	}
	return str_drop(text, str_find(text, STR(">")) + 1);
}

struct str shown_text(struct str body, struct arena *a)
{
	struct str text = str_take(str_trim(body), LOOKED_AT_MAX);
	bool is_page = str_starts(text, STR("<"));
	char *out = arena_alloc(a, SHOWN_MAX);
	size_t len = 0;

	while (text.len > 0 && len < SHOWN_MAX) {
		const uint8_t *at = (const uint8_t *)text.ptr;
		size_t n = utf8_len(at, at + text.len);
		const char *c = text.ptr;

		if (*at <= ' ' || (is_page && *at == '<'))
			c = " ";
		else if (n == 0 || *at == 0x7f)
			c = "?";
		if (c != text.ptr)
			n = 1;
		if (len + n > SHOWN_MAX)
			break;
		if (*c != ' ' || (len > 0 && out[len - 1] != ' ')) {
			memcpy(out + len, c, n);
			len += n;
		}
		text = is_page && *at == '<' ? skip_tag(text)
					     : str_drop(text, n);
	}
	return str_trim((struct str){ out, len });
}
