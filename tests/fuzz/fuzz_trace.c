/*
 * traceparent: read exactly when a regular expression of the standard's grammar
 * says so, and what was read is written and read back.
 */
#include "telemetry/trace.h"

#include "tests/fuzz/require.h"

#include <regex.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Of the grammar; that ids may not be zero is looked at apart. */
static bool is_grammatical(const char *text)
{
	static const char grammar[] =
		"^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
		"|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?)$";
	static regex_t re;
	static bool made;

	if (!made) {
		require(regcomp(&re, grammar, REG_EXTENDED | REG_NOSUB) == 0);
		made = true;
	}
	return regexec(&re, text, 0, NULL, 0) == 0;
}

static bool is_good(struct str s, const char *text)
{
	if (!is_grammatical(text) || str_starts(s, STR("ff")))
		return false;
	if (str_starts(s, STR("00")) && s.len != TRACE_TEXT_LEN)
		return false;
	return strncmp(text + 3, "00000000000000000000000000000000", 32) != 0 &&
	       strncmp(text + 36, "0000000000000000", 16) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str s = { (const char *)data, len };
	struct trace_context c = { 0 }, back = { 0 };
	char text[256], out[TRACE_TEXT_LEN];
	bool read = trace_parse(s, &c);

	if (read) {
		require(trace_parse(trace_text(&c, out), &back));
		require(memcmp(&c, &back, sizeof(c)) == 0);
	}
	/* The oracle's texts end at a NUL, and its dot is of a locale. */
	for (size_t i = 0; i < len; i++) {
		if (data[i] == 0 || data[i] >= 0x80 || len >= sizeof(text))
			return 0;
	}
	if (len > 0)
		memcpy(text, data, len);
	text[len < sizeof(text) ? len : 0] = '\0';
	require(len >= sizeof(text) || read == is_good(s, text));
	return 0;
}
