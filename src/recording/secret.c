#include "recording/secret.h"

enum {
	NAMED_MIN = 8,
	AWS_SECRET_LEN = 40,
	AWS_NEAR = 256, /* bytes between an id and its secret */
	SHOWN_JWT = 3,
};

/* A key that says what it is: start, then so many characters. */
struct shape {
	struct str start;
	size_t min, max; /* of what follows; max 0 is no limit */
	const char *kind;
	bool digit; /* one must be among them: "sk-learn-..." has none */
};

static const struct shape shapes[] = {
	{ STR_INIT("sk-"), 16, 0, "an API key", true },
	{ STR_INIT("sk_live_"), 16, 0, "an API key", false },
	{ STR_INIT("rk_live_"), 16, 0, "an API key", false },
	{ STR_INIT("gsk_"), 20, 0, "an API key", false },
	{ STR_INIT("xai-"), 20, 0, "an API key", false },
	{ STR_INIT("hf_"), 20, 0, "a Hugging Face token", false },
	{ STR_INIT("AKIA"), 16, 16, "an AWS key id", false },
	{ STR_INIT("ASIA"), 16, 16, "an AWS key id", false },
	{ STR_INIT("AIza"), 35, 35, "a Google API key", false },
	{ STR_INIT("ya29."), 20, 0, "a Google token", false },
	{ STR_INIT("ghp_"), 30, 0, "a GitHub token", false },
	{ STR_INIT("gho_"), 30, 0, "a GitHub token", false },
	{ STR_INIT("ghs_"), 30, 0, "a GitHub token", false },
	{ STR_INIT("ghu_"), 30, 0, "a GitHub token", false },
	{ STR_INIT("ghr_"), 30, 0, "a GitHub token", false },
	{ STR_INIT("github_pat_"), 20, 0, "a GitHub token", false },
	{ STR_INIT("glpat-"), 20, 0, "a GitLab token", false },
	{ STR_INIT("xoxb-"), 20, 0, "a Slack token", true },
	{ STR_INIT("xoxp-"), 20, 0, "a Slack token", true },
	{ STR_INIT("npm_"), 30, 0, "an npm token", false },
};

/* Names whose value is secret, in any case, before ':' or '='. */
static const struct str names[] = {
	STR_INIT("api-key"),         STR_INIT("api_key"),
	STR_INIT("apikey"),          STR_INIT("secret_access_key"),
	STR_INIT("secretaccesskey"), STR_INIT("secret_key"),
	STR_INIT("client_secret"),   STR_INIT("password"),
	STR_INIT("passwd"),          STR_INIT("access_token"),
	STR_INIT("refresh_token"),   STR_INIT("auth_token"),
	STR_INIT("session_token"),   STR_INIT("x-amz-security-token"),
	STR_INIT("x-amz-signature"), STR_INIT("x-amz-credential"),
	STR_INIT("authorization"),
};

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') ||
	       (str_lower(c) >= 'a' && str_lower(c) <= 'z');
}

static bool is_key_char(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

static bool is_upper_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static bool is_token_char(char c)
{
	return is_key_char(c) || c == '.' || c == '~' || c == '+' || c == '/' ||
	       c == '=';
}

static bool is_value_char(char c)
{
	return (unsigned char)c > ' ' && (unsigned char)c < 0x7f &&
	       strchr("\"',;&()[]{}<>\\*", c) == NULL;
}

static size_t span(struct str s, bool (*is)(char))
{
	size_t n = 0;

	while (n < s.len && is(s.ptr[n]))
		n++;
	return n;
}

static bool has_digit(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
			return true;
	}
	return false;
}

/* At the start of s: keep bytes that may be seen, then len that may not. */
struct match {
	size_t keep, len;
	const char *kind;
};

static struct match match_shape(struct str s)
{
	for (size_t i = 0; i < countof(shapes); i++) {
		const struct shape *shape = &shapes[i];
		struct str rest = str_drop(s, shape->start.len);
		bool upper = shape->max == 16;
		size_t n;

		if (s.ptr[0] != shape->start.ptr[0] ||
		    !str_starts(s, shape->start))
			continue;
		n = span(rest, upper ? is_upper_char : is_key_char);
		if (n < shape->min || (shape->max > 0 && n > shape->max) ||
		    (shape->digit && !has_digit(str_take(rest, n))))
			continue;
		return (struct match){ shape->start.len, n, shape->kind };
	}
	return (struct match){ 0 };
}

/* Three parts of base64url, the first of which begins {" in JSON. */
static struct match match_jwt(struct str s)
{
	size_t at = 0, dots = 0, n;

	if (!str_starts(s, STR("eyJ")))
		return (struct match){ 0 };
	for (;;) {
		n = span(str_drop(s, at), is_key_char);
		if (n < 8)
			break;
		at += n;
		if (dots == 2 || at == s.len || s.ptr[at] != '.')
			break;
		at++;
		dots++;
	}
	if (dots < 2 || n < 8)
		return (struct match){ 0 };
	return (struct match){ SHOWN_JWT, at - SHOWN_JWT, "a JWT" };
}

static bool starts_nocase(struct str s, struct str with)
{
	return s.len >= with.len && str_eq_nocase(str_take(s, with.len), with);
}

static struct match match_bearer(struct str s)
{
	static const struct str word = STR_INIT("bearer ");
	size_t n;

	if (!starts_nocase(s, word))
		return (struct match){ 0 };
	n = span(str_drop(s, word.len), is_token_char);
	if (n < 16 || !has_digit(str_take(str_drop(s, word.len), n)))
		return (struct match){ 0 };
	return (struct match){ word.len, n, "a bearer token" };
}

static struct match match_private_key(struct str s)
{
	static const struct str begin = STR_INIT("-----BEGIN ");
	static const struct str word = STR_INIT("PRIVATE KEY-----");
	static const struct str end = STR_INIT("-----END ");
	size_t at;

	if (!str_starts(s, begin))
		return (struct match){ 0 };
	at = str_find(str_take(s, 64), word);
	if (at == 64 || at == s.len)
		return (struct match){ 0 };
	at += word.len;
	return (struct match){ at, str_find(str_drop(s, at), end),
			       "a private key" };
}

static bool is_filling(char c)
{
	return c == ' ' || c == '"' || c == '\'' || c == '\\';
}

static struct match match_named(struct str s)
{
	for (size_t i = 0; i < countof(names); i++) {
		struct str rest = str_drop(s, names[i].len);
		size_t gap, n;

		if (str_lower(s.ptr[0]) != names[i].ptr[0] ||
		    !starts_nocase(s, names[i]))
			continue;
		gap = span(rest, is_filling);
		if (gap == rest.len ||
		    (rest.ptr[gap] != ':' && rest.ptr[gap] != '='))
			continue;
		gap++;
		gap += span(str_drop(rest, gap), is_filling);
		n = span(str_drop(rest, gap), is_value_char);
		if (n >= NAMED_MIN)
			return (struct match){ names[i].len + gap, n,
					       "a named secret" };
	}
	return (struct match){ 0 };
}

static bool is_base64_char(char c)
{
	return is_alnum(c) || c == '/' || c == '+';
}

/* Forty characters with a digit and both cases, after a key id. */
static struct match match_aws_secret(struct str s)
{
	size_t n = span(s, is_base64_char);
	bool upper = false, lower = false;

	if (n != AWS_SECRET_LEN || !has_digit(str_take(s, n)))
		return (struct match){ 0 };
	for (size_t i = 0; i < n; i++) {
		upper = upper || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z');
		lower = lower || (s.ptr[i] >= 'a' && s.ptr[i] <= 'z');
	}
	return upper && lower ? (struct match){ 0, n, "an AWS secret key" }
			      : (struct match){ 0 };
}

#define BIT(c) (UINT32_C(1) << ((c)&31))

/*
 * What the second byte may be, by the first, both without the bits that tell
 * letters of either case and some others apart: most bytes begin nothing.
 */
static const uint32_t seconds[32] = {
	['a' & 31] =
		BIT('k') | BIT('s') | BIT('i') | BIT('p') | BIT('c') | BIT('u'),
	['b' & 31] = BIT('e'),
	['c' & 31] = BIT('l'),
	['e' & 31] = BIT('y'),
	['g' & 31] = BIT('s') | BIT('h') | BIT('i') | BIT('l'),
	['h' & 31] = BIT('f'),
	['n' & 31] = BIT('p'),
	['p' & 31] = BIT('a'),
	['r' & 31] = BIT('k') | BIT('e'),
	['s' & 31] = BIT('k') | BIT('e'),
	['x' & 31] = BIT('a') | BIT('o') | BIT('-'),
	['y' & 31] = BIT('a'),
	['-' & 31] = BIT('-'),
};

static bool may_begin(struct str s)
{
	return s.len >= 2 &&
	       (seconds[s.ptr[0] & 31] & BIT((uint8_t)s.ptr[1])) != 0;
}

static struct match match_any(struct str s)
{
	struct match m;

	if (!may_begin(s))
		return (struct match){ 0 };
	m = match_shape(s);
	if (m.len == 0)
		m = match_jwt(s);
	if (m.len == 0)
		m = match_bearer(s);
	if (m.len == 0)
		m = match_private_key(s);
	return m.len > 0 ? m : match_named(s);
}

bool secret_next(struct str s, size_t from, struct secret_find *out)
{
	size_t near = 0; /* an AWS id was seen: up to here */

	for (size_t at = from > AWS_NEAR ? from - AWS_NEAR : 0; at < s.len;
	     at++) {
		struct str rest = { s.ptr + at, s.len - at };
		struct match m = { 0 };

		/* A redacted id still says that its secret may follow. */
		if (rest.ptr[0] == 'A' && (str_starts(rest, STR("AKIA")) ||
					   str_starts(rest, STR("ASIA"))))
			near = at + AWS_NEAR;
		if (at < from || (at >= near && !may_begin(rest)) ||
		    (at > 0 && is_alnum(s.ptr[at - 1])))
			continue;
		if (at < near && (at == 0 || !is_base64_char(s.ptr[at - 1])))
			m = match_aws_secret(rest);
		if (m.len == 0)
			m = match_any(rest);
		if (m.len == 0)
			continue;
		*out = (struct secret_find){ .kind = m.kind,
					     .at = at + m.keep,
					     .len = m.len };
		return true;
	}
	return false;
}

size_t secret_redact_text(struct str s, struct buf *out)
{
	struct secret_find find;
	size_t from = out->len, at = 0, count = 0;

	while (secret_next(s, at, &find)) {
		if (count == 0 && buf_add(out, s) < 0)
			return 0;
		memset(out->ptr + from + find.at, '*', find.len);
		at = find.at + find.len;
		count++;
	}
	return count;
}

static bool is_kept_request(struct str name)
{
	static const char *const kept[] = { "accept", "anthropic-beta",
					    "anthropic-version", "content-type",
					    "openai-beta" };

	for (size_t i = 0; i < countof(kept); i++) {
		if (str_eq_nocase(name, str_of(kept[i])))
			return true;
	}
	return false;
}

static bool is_kept_response(struct str name)
{
	static const char *const kept[] = {
		"apim-request-id",      "content-type",   "openai-model",
		"openai-processing-ms", "openai-version", "request-id",
		"retry-after",          "retry-after-ms", "x-amzn-errortype",
		"x-amzn-requestid",     "x-request-id",   "x-should-retry",
	};
	static const char *const families[] = { "x-ratelimit-",
						"anthropic-ratelimit-" };

	for (size_t i = 0; i < countof(kept); i++) {
		if (str_eq_nocase(name, str_of(kept[i])))
			return true;
	}
	for (size_t i = 0; i < countof(families); i++) {
		if (starts_nocase(name, str_of(families[i])))
			return true;
	}
	return false;
}

bool secret_keeps_header(struct str name, enum secret_side side)
{
	return side == SECRET_REQUEST ? is_kept_request(name)
				      : is_kept_response(name);
}

size_t secret_keep_headers(const struct http_header *headers, size_t count,
			   enum secret_side side, struct arena *a,
			   struct http_header **out)
{
	struct http_header *kept = arena_alloc(a, (count + 1) * sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < count && n < RECORDING_HEADERS_MAX; i++) {
		if (!secret_keeps_header(headers[i].name, side))
			continue;
		kept[n] = headers[i];
		kept[n].name = arena_str(a, headers[i].name);
		kept[n].value = arena_str(a, headers[i].value);
		n++;
	}
	*out = kept;
	return n;
}
