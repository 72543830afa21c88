#include "io/io.h"

#include "tests/unit/table.h"

#include <errno.h>

static void addr_texts(void **state)
{
	static const struct {
		const char *name, *host;
		uint16_t port;
		const char *want; /* NULL: not an address */
	} cases[] = {
		{ "an IPv4 address", "127.0.0.1", 80, "127.0.0.1:80" },
		{ "an IPv6 address", "::1", 443, "[::1]:443" },
		{ "brackets are taken off", "[2001:db8::1]", 1,
		  "[2001:db8::1]:1" },
		{ "a zone by number", "fe80::1%7", 5, "[fe80::1%7]:5" },
		{ "a zone by name", "fe80::1%lo", 5, "[fe80::1%1]:5" },
		{ "a UNIX path", "unix:/tmp/x", 9, "unix:/tmp/x" },
		{ "a name", "localhost", 80, NULL },
		{ "nothing", "", 80, NULL },
		{ "short forms of IPv4", "127.1", 80, NULL },
		{ "octal forms of IPv4", "0177.0.0.1", 80, NULL },
		{ "a zone on IPv4", "127.0.0.1%lo", 80, NULL },
		{ "a zone that is not", "fe80::1%nosuchif", 80, NULL },
		{ "an empty zone", "fe80::1%", 80, NULL },
		{ "an empty path", "unix:", 80, NULL },
		{ "brackets around nothing", "[]", 80, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char text[IO_ADDR_TEXT_MAX];
		struct io_addr addr;
		int r = io_addr_parse(str_of(cases[i].host), cases[i].port,
				      &addr);

		check_int(cases[i].name, r,
			  cases[i].want != NULL ? 0 : -EINVAL);
		if (r == 0) {
			check_str(cases[i].name, io_addr_text(&addr, text),
				  str_of(cases[i].want));
		}
	}
}

static void addr_limits(void **state)
{
	char path[200], text[IO_ADDR_TEXT_MAX];
	struct str fits = { path, sizeof(path) };
	struct io_addr addr = { .len = 0 };

	(void)state;
	check_str("nobody", io_addr_text(&addr, text), STR("unknown"));
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i < 5 ? "unix:"[i] : 'p';
	check_int("107 bytes fit", io_addr_parse(str_take(fits, 112), 0, &addr),
		  0);
	check_str("all of it", io_addr_text(&addr, text), str_take(fits, 112));
	check_int("108 do not", io_addr_parse(str_take(fits, 113), 0, &addr),
		  -EINVAL);
	check_int("a NUL inside", io_addr_parse(STR("unix:/a\0b"), 0, &addr),
		  -EINVAL);
	check_int("a NUL in a number",
		  io_addr_parse(STR("127.0.0.1\0"), 0, &addr), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addr_texts),
		cmocka_unit_test(addr_limits),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
