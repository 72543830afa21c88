#include "io/io.h"

#include "tests/unit/table.h"

static void check(const char *const *texts, bool want)
{
	for (; *texts != NULL; texts++) {
		struct io_addr a;

		assert_int_equal(io_addr_parse(str_of(*texts), 80, &a), 0);
		check_true(*texts, io_addr_is_public(&a) == want);
	}
}

static void public_addresses(void **state)
{
	static const char *const texts[] = { "1.1.1.1",         "8.8.8.8",
					     "9.255.255.255",   "11.0.0.0",
					     "100.63.255.255",  "100.128.0.0",
					     "126.255.255.255", "128.0.0.0",
					     "168.63.129.15",   "168.63.129.17",
					     "169.253.255.255", "169.255.0.0",
					     "172.15.255.255",  "172.32.0.0",
					     "192.167.255.255", "192.169.0.0",
					     "198.17.255.255",  "198.20.0.0",
					     "223.255.255.255", "2606:4700::1",
					     "2a00:1450::1",    "2001:200::1",
					     "2001:db7::1",     "2003::1",
					     "::ffff:8.8.8.8",  NULL };

	(void)state;
	check(texts, true);
}

static void all_others(void **state)
{
	static const char *const texts[] = { "0.0.0.0",
					     "0.255.255.255",
					     "10.0.0.0",
					     "10.255.255.255",
					     "100.64.0.0",
					     "100.127.255.255",
					     "127.0.0.1",
					     "127.255.255.255",
					     "168.63.129.16",
					     "169.254.0.0",
					     "169.254.169.254",
					     "172.16.0.0",
					     "172.31.255.255",
					     "192.0.0.1",
					     "192.0.2.1",
					     "192.88.99.1",
					     "192.168.0.1",
					     "192.168.255.255",
					     "198.18.0.0",
					     "198.19.255.255",
					     "198.51.100.1",
					     "203.0.113.1",
					     "224.0.0.1",
					     "239.255.255.255",
					     "240.0.0.1",
					     "255.255.255.255",
					     "::",
					     "::1",
					     "::ffff:127.0.0.1",
					     "::ffff:10.1.2.3",
					     "::ffff:169.254.169.254",
					     "::7f00:1",
					     "64:ff9b::8.8.8.8",
					     "100::1",
					     "2001::1",
					     "2001:1ff::1",
					     "2001:db8::1",
					     "2002:808:808::1",
					     "3fff::1",
					     "4000::1",
					     "fc00::1",
					     "fd00:ec2::254",
					     "fe80::1",
					     "fec0::1",
					     "ff02::1",
					     "unix:/run/x",
					     NULL };

	(void)state;
	check(texts, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_addresses),
		cmocka_unit_test(all_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
