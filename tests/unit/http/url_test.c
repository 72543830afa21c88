#include "base/err.h"
#include "http/url.h"

#include "tests/unit/table.h"

#include <errno.h>

static void urls_are_read(void **state)
{
	static const struct {
		const char *text;
		struct url want;
	} cases[] = {
		{ "http://a", { .host = STR_INIT("a"), .port = 80 } },
		{ "https://api.openai.com/v1",
		  { .tls = true,
		    .host = STR_INIT("api.openai.com"),
		    .port = 443,
		    .path = STR_INIT("/v1") } },
		{ "HTTPS://API.Example_1-x.COM:8443/A?b=C&d#frag?x",
		  { .tls = true,
		    .host = STR_INIT("api.example_1-x.com"),
		    .port = 8443,
		    .port_given = true,
		    .path = STR_INIT("/A"),
		    .query = STR_INIT("b=C&d") } },
		{ "http://Ab", { .host = STR_INIT("ab"), .port = 80 } },
		{ "http://aB", { .host = STR_INIT("ab"), .port = 80 } },
		{ "http://a:/",
		  { .host = STR_INIT("a"),
		    .port = 80,
		    .path = STR_INIT("/") } },
		{ "http://a:65535",
		  { .host = STR_INIT("a"),
		    .port = 65535,
		    .port_given = true } },
		{ "http://a:1?q",
		  { .host = STR_INIT("a"),
		    .port = 1,
		    .port_given = true,
		    .query = STR_INIT("q") } },
		{ "http://a#f/x?y", { .host = STR_INIT("a"), .port = 80 } },
		{ "http://a/b?c?d/e",
		  { .host = STR_INIT("a"),
		    .port = 80,
		    .path = STR_INIT("/b"),
		    .query = STR_INIT("c?d/e") } },
		{ "http://a/b@c:d",
		  { .host = STR_INIT("a"),
		    .port = 80,
		    .path = STR_INIT("/b@c:d") } },
		{ "http://a/~%20{x}|",
		  { .host = STR_INIT("a"),
		    .port = 80,
		    .path = STR_INIT("/~%20{x}|") } },
		{ "http://127.0.0.1:8080",
		  { .host = STR_INIT("127.0.0.1"),
		    .port = 8080,
		    .port_given = true } },
		{ "http://[::1]", { .host = STR_INIT("::1"), .port = 80 } },
		{ "https://[FE80::1]:9/x",
		  { .tls = true,
		    .host = STR_INIT("fe80::1"),
		    .port = 9,
		    .port_given = true,
		    .path = STR_INIT("/x") } },
		{ "http://u:p%40w@h:1/",
		  { .host = STR_INIT("h"),
		    .port = 1,
		    .port_given = true,
		    .userinfo = STR_INIT("u:p%40w"),
		    .path = STR_INIT("/") } },
		{ "http://@h", { .host = STR_INIT("h"), .port = 80 } },
		{ "unix:/run/X.sock",
		  { .is_unix = true, .host = STR_INIT("/run/X.sock") } },
		{ "unix:///run/x",
		  { .is_unix = true, .host = STR_INIT("/run/x") } },
		{ "http+unix://%2Frun%2Fx.sock/v1?q",
		  { .is_unix = true,
		    .host = STR_INIT("/run/x.sock"),
		    .path = STR_INIT("/v1"),
		    .query = STR_INIT("q") } },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		const char *name = cases[i].text;
		const struct url *want = &cases[i].want;
		struct url url;

		check_int(name, url_parse(str_of(name), &a, &url), 0);
		check_int(name, url.tls, want->tls);
		check_int(name, url.is_unix, want->is_unix);
		check_str(name, url.host, want->host);
		check_int(name, url.port, want->port);
		check_int(name, url.port_given, want->port_given);
		check_str(name, url.userinfo, want->userinfo);
		check_str(name, url.path, want->path);
		check_str(name, url.query, want->query);
	}
	arena_fini(&a);
}

static void bad_urls_are_refused(void **state)
{
	static const struct {
		const char *name;
		struct str text;
		const char *why;
	} cases[] = {
		{ "nothing", STR_INIT(""), "starts with none" },
		{ "no scheme", STR_INIT("api.openai.com/v1"), "starts with" },
		{ "another scheme", STR_INIT("ftp://a"), "starts with" },
		{ "one slash", STR_INIT("http:/a"), "starts with" },
		{ "a space in front", STR_INIT(" http://a"), "starts with" },
		{ "no host", STR_INIT("http://"), "no host" },
		{ "only a path", STR_INIT("http:///a"), "no host" },
		{ "only a port", STR_INIT("http://:80"), "no host" },
		{ "only a user", STR_INIT("http://u@/"), "no host" },
		{ "a space in the host", STR_INIT("http://a b/"), "host name" },
		{ "a NUL in the host", STR_INIT("http://a\0b/"), "host name" },
		{ "CR LF in the host", STR_INIT("http://a\r\nx/"),
		  "host name" },
		{ "raw UTF-8 in the host", STR_INIT("http://\xc3\xa9/"),
		  "host name" },
		{ "an escape in the host", STR_INIT("http://a%2fb/"),
		  "host name" },
		{ "a backslash after the host", STR_INIT("http://a\\@b/"),
		  "user has" },
		{ "a bracket in the host", STR_INIT("http://a]/"),
		  "host name" },
		{ "port 0", STR_INIT("http://a:0"), "port" },
		{ "port 65536", STR_INIT("http://a:65536"), "port" },
		{ "a negative port", STR_INIT("http://a:-1"), "port" },
		{ "a port with a plus", STR_INIT("http://a:+1"), "port" },
		{ "a port with a letter", STR_INIT("http://a:80x"), "port" },
		{ "two ports", STR_INIT("http://a:80:80"), "port" },
		{ "IPv6 without brackets", STR_INIT("http://::1/"), "no host" },
		{ "no closing bracket", STR_INIT("http://[::1/"), "IPv6" },
		{ "empty brackets", STR_INIT("http://[]/"), "IPv6" },
		{ "a name in brackets", STR_INIT("http://[a.b]/"), "IPv6" },
		{ "a zone", STR_INIT("http://[fe80::1%25eth0]/"), "IPv6" },
		{ "a NUL in brackets", STR_INIT("http://[::1\0]/"), "IPv6" },
		{ "too much in brackets",
		  STR_INIT("http://[1111:2222:3333:4444:5555:6666:7777:8888:"
			   "9999:0000]/"),
		  "IPv6" },
		{ "more after the bracket", STR_INIT("http://[::1]80/"),
		  "between" },
		{ "one byte after the bracket", STR_INIT("http://[::1]8"),
		  "between" },
		{ "two @", STR_INIT("http://a@b@c/"), "two @" },
		{ "a bad byte in the user", STR_INIT("http://u\n@a/"),
		  "user has" },
		{ "a space in the path", STR_INIT("http://a/b c"), "%XX" },
		{ "a tab in the path", STR_INIT("http://a/b\tc"), "%XX" },
		{ "CR LF in the path", STR_INIT("http://a/b\r\nc"), "%XX" },
		{ "a NUL in the path", STR_INIT("http://a/b\0c"), "%XX" },
		{ "DEL in the path", STR_INIT("http://a/\x7f"), "%XX" },
		{ "raw UTF-8 in the path", STR_INIT("http://a/\xc3\xa9"),
		  "%XX" },
		{ "a backslash in the path", STR_INIT("http://a/b\\c"), "%XX" },
		{ "a space in the query", STR_INIT("http://a/?b c"), "%XX" },
		{ "a relative socket", STR_INIT("unix:run/x"), "absolute" },
		{ "a relative socket after slashes", STR_INIT("unix://run/x"),
		  "absolute" },
		{ "no socket", STR_INIT("unix:"), "absolute" },
		{ "a NUL in a socket", STR_INIT("unix:/a\0b"), "NUL" },
		{ "an escaped NUL in a socket", STR_INIT("http+unix://%2F%00/"),
		  "NUL" },
		{ "an escaped socket that is relative",
		  STR_INIT("http+unix://run%2Fx/"), "absolute" },
		{ "a bad escape in a socket", STR_INIT("http+unix://%2Fa%2/"),
		  "hex" },
		{ "a socket path too long",
		  STR_INIT("unix:/1234567890123456789012345678901234567890"
			   "123456789012345678901234567890123456789012345678"
			   "9012345678901234567"),
		  "too long" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct url url = { .port = 77 };
		struct str why;

		check_int(cases[i].name, url_parse(cases[i].text, &a, &url),
			  -EINVAL);
		check_int(cases[i].name, url.port, 77);
		why = err_text();
		if (str_find(why, str_of(cases[i].why)) == why.len) {
			fail_msg("%s: it says " STR_FMT, cases[i].name,
				 STR_ARG(why));
		}
	}
	arena_fini(&a);
}

static void lengths_are_bounded(void **state)
{
	static const struct {
		const char *name;
		const char *prefix;
		int width;
		int want;
	} cases[] = {
		{ "the longest host", "http://", 253, 0 },
		{ "a longer host", "http://", 254, -EINVAL },
		{ "the longest URL", "http://a/", URL_MAX - 9, 0 },
		{ "a longer URL", "http://a/", URL_MAX - 8, -EINVAL },
		{ "the longest socket", "unix:/", 106, 0 },
		{ "a longer socket", "unix:/", 107, -EINVAL },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		struct url url;
		struct str text = arena_printf(&a, "%s%0*d", cases[i].prefix,
					       cases[i].width, 0);

		check_int(cases[i].name, url_parse(text, &a, &url),
			  cases[i].want);
	}
	arena_fini(&a);
}

static void targets_are_split(void **state)
{
	static const struct {
		const char *text;
		int want;
		const char *path, *query;
	} cases[] = {
		{ "/", 0, "/", "" },
		{ "/v1/x?a=b&c", 0, "/v1/x", "a=b&c" },
		{ "/?", 0, "/", "" },
		{ "/a?b?c", 0, "/a", "b?c" },
		{ "//a/b", 0, "//a/b", "" },
		{ "http://a/b?c", 0, "/b", "c" },
		{ "HTTPS://a:1/b", 0, "/b", "" },
		{ "http://a", 0, "/", "" },
		{ "http://a?q", 0, "/", "q" },
		{ "http:///b", -EINVAL, "", "" },
		{ "", -EINVAL, "", "" },
		{ "*", -EINVAL, "", "" },
		{ "a:443", -EINVAL, "", "" },
		{ "ftp://a/b", -EINVAL, "", "" },
		{ "/a b", -EINVAL, "", "" },
		{ "/a#b", -EINVAL, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str path = STR(""), query = STR("");

		check_int(cases[i].text,
			  url_parse_target(str_of(cases[i].text), &path,
					   &query),
			  cases[i].want);
		check_str(cases[i].text, path, str_of(cases[i].path));
		check_str(cases[i].text, query, str_of(cases[i].query));
	}
}

static void escapes_are_undone(void **state)
{
	static const struct {
		const char *name;
		struct str text;
		int want;
		const char *out;
	} cases[] = {
		{ "nothing", STR_INIT(""), 0, "" },
		{ "no escape", STR_INIT("a+b"), 0, "a+b" },
		{ "one", STR_INIT("a%20b"), 0, "a b" },
		{ "in both cases", STR_INIT("%2f%2F%4a%4A"), 0, "//JJ" },
		{ "once only", STR_INIT("%2525"), 0, "%25" },
		{ "at both ends", STR_INIT("%41b%43"), 0, "AbC" },
		{ "two bytes of UTF-8", STR_INIT("%C3%A9"), 0, "\xc3\xa9" },
		{ "raw UTF-8", STR_INIT("\xc3\xa9"), 0, "\xc3\xa9" },
		{ "three bytes", STR_INIT("%e2%82%ac\xed\x9f\xbf\xee\x80\x80"),
		  0, "\xe2\x82\xac\xed\x9f\xbf\xee\x80\x80" },
		{ "the smallest of three", STR_INIT("\xe0\xa0\x80"), 0,
		  "\xe0\xa0\x80" },
		{ "four bytes", STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 0,
		  "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		{ "a lone %", STR_INIT("%"), -EINVAL, "" },
		{ "one digit", STR_INIT("a%2"), -EINVAL, "" },
		{ "no hex", STR_INIT("%2g"), -EINVAL, "" },
		{ "no hex first", STR_INIT("%g2"), -EINVAL, "" },
		{ "a sign", STR_INIT("%+1"), -EINVAL, "" },
		{ "an escaped NUL", STR_INIT("a%00"), -EINVAL, "" },
		{ "a raw NUL", STR_INIT("a\0b"), -EINVAL, "" },
		{ "half of UTF-8", STR_INIT("%C3"), -EINVAL, "" },
		{ "half of it, then ASCII",
		  STR_INIT("\xc3"
			   "a"),
		  -EINVAL, "" },
		{ "a tail alone", STR_INIT("\xa9"), -EINVAL, "" },
		{ "an overlong slash", STR_INIT("%c0%af"), -EINVAL, "" },
		{ "overlong in three", STR_INIT("\xe0\x9f\xbf"), -EINVAL, "" },
		{ "overlong in four", STR_INIT("\xf0\x8f\xbf\xbf"), -EINVAL,
		  "" },
		{ "a surrogate", STR_INIT("\xed\xa0\x80"), -EINVAL, "" },
		{ "past the last", STR_INIT("\xf4\x90\x80\x80"), -EINVAL, "" },
		{ "five bytes", STR_INIT("\xf8\x88\x80\x80\x80"), -EINVAL, "" },
		{ "a bad third byte", STR_INIT("\xe2\x82\x41"), -EINVAL, "" },
		{ "a bad fourth byte", STR_INIT("\xf1\x80\x80\xc0"), -EINVAL,
		  "" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct str out = STR("");

		check_int(cases[i].name, url_decode(cases[i].text, &a, &out),
			  cases[i].want);
		check_str(cases[i].name, out, str_of(cases[i].out));
	}
	arena_fini(&a);
}

static void escapes_are_made(void **state)
{
	static const struct {
		const char *text;
		bool keep_slash;
		const char *want;
	} cases[] = {
		{ "", false, "" },
		{ "AZaz09-._~", false, "AZaz09-._~" },
		{ "a b/c", false, "a%20b%2Fc" },
		{ "a b/c", true, "a%20b/c" },
		{ "/a", true, "/a" },
		{ "a:b", true, "a%3Ab" },
		{ "\xc3\xa9+%", false, "%C3%A9%2B%25" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		check_str(cases[i].text,
			  url_encode(str_of(cases[i].text), cases[i].keep_slash,
				     &a),
			  str_of(cases[i].want));
	}
	arena_fini(&a);
}

static void query_parameters_are_found(void **state)
{
	static const struct {
		const char *query, *name;
		int want;
		const char *out;
	} cases[] = {
		{ "", "a", 0, "" },
		{ "a=1", "a", 1, "1" },
		{ "a=1&b=2", "b", 1, "2" },
		{ "a=1&a=2", "a", 1, "1" },
		{ "aa=1&b=2", "a", 0, "" },
		{ "b", "b", 1, "" },
		{ "b=", "b", 1, "" },
		{ "&&b=c=d&", "b", 1, "c=d" },
		{ "a=x+y%2B%20z", "a", 1, "x y+ z" },
		{ "a%5Bb%5D=1", "a[b]", 1, "1" },
		{ "a+b=1", "a b", 1, "1" },
		{ "a=%zz&b=1", "b", 1, "1" },
		{ "a=%zz", "a", -EINVAL, "" },
		{ "%zz=1&a=2", "a", -EINVAL, "" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct str out = STR("");

		check_int(cases[i].query,
			  url_query_get(str_of(cases[i].query),
					str_of(cases[i].name), &a, &out),
			  cases[i].want);
		check_str(cases[i].query, out, str_of(cases[i].out));
	}
	arena_fini(&a);
}

static void a_query_is_walked(void **state)
{
	struct str rest = STR("&a=1&&m%5Bx+y%5D=%26+&b&=c&z=%zz&y=2&");
	struct str key, value;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	check_int("a", url_query_next(&rest, &a, &key, &value), 1);
	check_str("a", key, STR("a"));
	check_str("a", value, STR("1"));
	check_int("m", url_query_next(&rest, &a, &key, &value), 1);
	check_str("m", key, STR("m[x y]"));
	check_str("m", value, STR("& "));
	check_int("b", url_query_next(&rest, &a, &key, &value), 1);
	check_str("b", key, STR("b"));
	check_str("b", value, STR(""));
	check_int("no name", url_query_next(&rest, &a, &key, &value), 1);
	check_str("no name", key, STR(""));
	check_str("no name", value, STR("c"));
	check_int("z", url_query_next(&rest, &a, &key, &value), -EINVAL);
	check_str("left alone", value, STR("c"));
	check_int("y", url_query_next(&rest, &a, &key, &value), 1);
	check_str("y", key, STR("y"));
	check_int("end", url_query_next(&rest, &a, &key, &value), 0);
	check_int("end", url_query_next(&rest, &a, &key, &value), 0);
	arena_fini(&a);
}

static void paths_stay_below(void **state)
{
	static const struct {
		const char *path;
		bool stays;
	} cases[] = {
		{ "", true },
		{ "/", true },
		{ "/files", true },
		{ "/files/file-1/content", true },
		{ "/a//b", true },
		{ "/http://x/y", true },
		{ "/a%20b%2Fc%C3%A9%FF", true },
		{ "/100%25", true },
		{ "/...", true },
		{ "/..a/a../.a", true },
		{ "/a;b=..;c", true },
		{ "/..", false },
		{ "/.", false },
		{ "/a/..", false },
		{ "/a/../b", false },
		{ "/a/./b", false },
		{ "/%2e%2e/b", false },
		{ "/%2E./b", false },
		{ "/a%2f..%2fb", false },
		{ "/a%2f%2e%2E%2fb", false },
		{ "/a\\..\\b", false },
		{ "/a%5c..%5Cb", false },
		{ "/..;/b", false },
		{ "/..;x=y/b", false },
		{ "/..%3b/b", false },
		{ "/%252e%252e/b", false },
		{ "/%25252e%25252e/b", false },
		{ "/%2525252e%2525252e/b", false },
		{ "/%25%32%65%25%32%65/b", false },
		{ "//evil", false },
		{ "/\\evil", false },
		{ "/%", false },
		{ "/%2", false },
		{ "/%zz", false },
		{ "/a%00b", false },
		{ "/a%0d%0aHost: x", false },
		{ "/a%250a", false },
		{ "/%7f", false },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		check_int(cases[i].path,
			  url_stays_below(str_of(cases[i].path), &a),
			  cases[i].stays);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_stay_below),
		cmocka_unit_test(urls_are_read),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(targets_are_split),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(escapes_are_made),
		cmocka_unit_test(query_parameters_are_found),
		cmocka_unit_test(a_query_is_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
