#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"

enum {
	SECRET_LEN_MIN = 8,
	SECRETS_MAX = 4096, /* beyond, the oldest is forgotten */
	PAIRS = 1 << 16
};

/*
 * What the configuration called secret.  A bit per pair of first bytes that
 * occurs keeps the search cheap: a line has few places to look closer at.
 */
static struct {
	pthread_mutex_t lock;
	struct str secrets[SECRETS_MAX]; /* owned */
	size_t count, oldest;
	uint64_t pairs[PAIRS / 64];
	/* The same of all that is looked for: most places are none. */
	uint64_t starts[PAIRS / 64];
	bool has_starts;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct rule {
	struct str start;
	size_t len_min; /* of what must follow */
};

/* Keys that say what they are: start, then letters, digits, '_', '-', '.'. */
static const struct rule prefixes[] = {
	{ STR_INIT("sk-"), 8 },   { STR_INIT("AKIA"), 12 },
	{ STR_INIT("ASIA"), 12 }, { STR_INIT("AIza"), 16 },
	{ STR_INIT("gsk_"), 8 },  { STR_INIT("xai-"), 8 },
	{ STR_INIT("hf_"), 16 },  { STR_INIT("ghp_"), 16 },
	{ STR_INIT("eyJ"), 16 },
};

/* Names whose value is secret, in any case, before ':' or '='. */
static const struct str names[] = {
	STR_INIT("api-key"),       STR_INIT("api_key"),
	STR_INIT("apikey"),        STR_INIT("access_key"),
	STR_INIT("access-key"),    STR_INIT("secret_key"),
	STR_INIT("secret"),        STR_INIT("password"),
	STR_INIT("passwd"),        STR_INIT("security-token"),
	STR_INIT("session_token"), STR_INIT("access_token"),
	STR_INIT("refresh_token"), STR_INIT("auth_token"),
};

static size_t pair_at(struct str s)
{
	return (size_t)(uint8_t)s.ptr[0] << 8 | (uint8_t)s.ptr[1];
}

static bool has_pair(const uint64_t *pairs, struct str s)
{
	return s.len > 1 &&
	       (pairs[pair_at(s) / 64] >> pair_at(s) % 64 & 1) != 0;
}

static void add_pair(uint64_t *pairs, struct str s)
{
	pairs[pair_at(s) / 64] |= UINT64_C(1) << pair_at(s) % 64;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* s is in lower case, and looked for in any. */
static void add_word(struct str s)
{
	for (int i = 0; i < 4; i++) {
		char pair[2] = { i & 1 ? upper(s.ptr[0]) : s.ptr[0],
				 i & 2 ? upper(s.ptr[1]) : s.ptr[1] };

		add_pair(known.starts, (struct str){ pair, 2 });
	}
}

static bool is_known(struct str s)
{
	for (size_t i = 0; i < known.count; i++) {
		if (str_eq(known.secrets[i], s))
			return true;
	}
	return false;
}

static void forget(struct str *s)
{
	void *copy = (void *)(uintptr_t)s->ptr;

	if (copy == NULL)
		return;
	explicit_bzero(copy, s->len);
	free(copy);
}

void log_secret(struct str s)
{
	char *copy;
	size_t at;

	if (s.len < SECRET_LEN_MIN)
		return;
	(void)pthread_mutex_lock(&known.lock);
	if (!is_known(s)) {
		copy = xmalloc(s.len);
		memcpy(copy, s.ptr, s.len);
		at = known.count < SECRETS_MAX ? known.count++
					       : known.oldest++ % SECRETS_MAX;
		forget(&known.secrets[at]);
		known.secrets[at] = (struct str){ copy, s.len };
		add_pair(known.pairs, s);
		add_pair(known.starts, s);
	}
	(void)pthread_mutex_unlock(&known.lock);
}

size_t log_secrets(struct arena *a, struct str **out)
{
	size_t n;

	(void)pthread_mutex_lock(&known.lock);
	n = known.count;
	*out = arena_alloc(a, (n + 1) * sizeof(**out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = arena_str(a, known.secrets[i]);
	(void)pthread_mutex_unlock(&known.lock);
	return n;
}

/* How much of s is a known secret, or the start of one where s was cut. */
static size_t known_len(struct str s)
{
	size_t len = 0;

	if (s.len < SECRET_LEN_MIN || !has_pair(known.pairs, s))
		return 0;
	for (size_t i = 0; i < known.count; i++) {
		struct str secret = str_take(known.secrets[i], s.len);

		if (secret.len > len && str_starts(s, secret))
			len = secret.len;
	}
	return len;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') ||
	       (str_lower(c) >= 'a' && str_lower(c) <= 'z');
}

static bool is_key_char(char c)
{
	return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static bool is_token_char(char c)
{
	return is_key_char(c) || c == '~' || c == '+' || c == '/' || c == '=';
}

static bool is_value_char(char c)
{
	return (unsigned char)c > ' ' && strchr("\"',;&()[]{}<>\\", c) == NULL;
}

/* A credential of several words ends with its quotes or its line. */
static bool is_line_char(char c)
{
	return c != '"' && c != '\'' && c != '\\' && c != '\r' && c != '\n';
}

static size_t span(struct str s, bool (*is)(char))
{
	size_t n = 0;

	while (n < s.len && is(s.ptr[n]))
		n++;
	return n;
}

static bool starts_nocase(struct str s, struct str with)
{
	return s.len >= with.len && str_lower(s.ptr[0]) == with.ptr[0] &&
	       str_eq_nocase(str_take(s, with.len), with);
}

static bool is_filling(char c)
{
	return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '\\';
}

/* From the end of a name to its value: 0 when there is none. */
static size_t to_value(struct str s)
{
	size_t n = span(s, is_filling);

	if (n == s.len || (s.ptr[n] != ':' && s.ptr[n] != '='))
		return 0;
	n++;
	return n + span(str_drop(s, n), is_filling);
}

/* A secret at the start of s: keep bytes of it are shown, then len are not. */
struct find {
	size_t keep, len;
};

static struct find find_value(struct str s, struct str name, bool (*is)(char))
{
	struct str rest = str_drop(s, name.len);
	size_t gap;

	if (!starts_nocase(s, name))
		return (struct find){ 0 };
	gap = to_value(rest);
	if (gap == 0)
		return (struct find){ 0 };
	return (struct find){ name.len + gap, span(str_drop(rest, gap), is) };
}

static struct find find_named(struct str s)
{
	struct find f = find_value(s, STR("authorization"), is_line_char);

	for (size_t i = 0; i < countof(names) && f.len == 0; i++)
		f = find_value(s, names[i], is_value_char);
	return f;
}

static struct find find_prefixed(struct str s)
{
	static const struct str bearer = STR_INIT("bearer ");

	if (starts_nocase(s, bearer)) {
		return (struct find){ bearer.len, span(str_drop(s, bearer.len),
						       is_token_char) };
	}
	for (size_t i = 0; i < countof(prefixes); i++) {
		struct str start = prefixes[i].start;
		size_t n;

		if (s.ptr[0] != start.ptr[0] || !str_starts(s, start))
			continue;
		n = span(str_drop(s, start.len), is_key_char);
		if (n >= prefixes[i].len_min)
			return (struct find){ start.len, n };
	}
	return (struct find){ 0 };
}

static bool is_userinfo_char(char c)
{
	return is_value_char(c) && c != '/' && c != '@';
}

/* "://user:password@host": the password. */
static struct find find_userinfo(struct str s)
{
	struct str user, password, rest = str_drop(s, 3);
	size_t n;

	if (!str_starts(s, STR("://")))
		return (struct find){ 0 };
	n = span(rest, is_userinfo_char);
	if (n == rest.len || rest.ptr[n] != '@')
		return (struct find){ 0 };
	if (!str_cut(str_take(rest, n), ':', &user, &password))
		return (struct find){ 0 };
	return (struct find){ 3 + user.len + 1, password.len };
}

/* A name begins with one of these, in any case: most characters do not. */
static bool may_be_name(char c)
{
	c = str_lower(c);
	return c == 'a' || c == 'p' || c == 'r' || c == 's';
}

/* What stands at the start of s; before is the character in front of it. */
static struct find find(struct str s, char before)
{
	struct find f = { .len = known_len(s) };

	if (f.len == 0 && s.ptr[0] == ':')
		f = find_userinfo(s);
	if (f.len == 0 && may_be_name(s.ptr[0]))
		f = find_named(s);
	if (f.len == 0 && is_alnum(s.ptr[0]) && !is_alnum(before))
		f = find_prefixed(s);
	return f;
}

/* What find() looks for, but for what was told. */
static void make_starts(void)
{
	add_word(STR("authorization"));
	add_word(STR("bearer "));
	add_word(STR("://"));
	for (size_t i = 0; i < countof(names); i++)
		add_word(names[i]);
	for (size_t i = 0; i < countof(prefixes); i++)
		add_pair(known.starts, prefixes[i].start);
	known.has_starts = true;
}

static size_t put(struct str s, char *out, size_t max)
{
	s = str_take(s, max);
	if (s.len > 0)
		memcpy(out, s.ptr, s.len);
	return s.len;
}

struct str log_mask(struct str s, char *out, size_t max)
{
	size_t len = 0, at = 0, shown = 0;

	(void)pthread_mutex_lock(&known.lock);
	if (!known.has_starts)
		make_starts();
	while (at < s.len) {
		struct str rest = str_drop(s, at);
		struct find f = { 0 };

		if (has_pair(known.starts, rest))
			f = find(rest, at > 0 ? s.ptr[at - 1] : ' ');
		at += f.len > 0 ? f.keep : 1;
		if (f.len == 0)
			continue;
		len += put((struct str){ s.ptr + shown, at - shown }, out + len,
			   max - len);
		len += put(STR("***"), out + len, max - len);
		at += f.len;
		shown = at;
	}
	(void)pthread_mutex_unlock(&known.lock);
	len += put(str_drop(s, shown), out + len, max - len);
	return (struct str){ out, len };
}
