/*
 * types - kinds of providers for the tests of the configuration.
 */
#ifndef TESTS_CONFIG_TYPES_H
#define TESTS_CONFIG_TYPES_H

#include "base/clock.h"
#include "config/config.h"

static const struct setting test_settings[] = {
	{ .key = "base_url", .required = true, .env = "TEST_URL" },
	{ .key = "api_key", .secret = true, .env = "TEST_KEY|TEST_TOKEN" },
	{ .key = "pin", .kind = SETTING_INT, .secret = true },
	{ .key = "pace", .kind = SETTING_DURATION, .def = "10ms" },
	{ .key = "tags", .kind = SETTING_LIST },
	{ .key = "retry.max", .kind = SETTING_INT, .min = 1, .max = 10 },
	{ 0 },
};

static const struct config_provider_type test_types[] = {
	{ .name = "remote::test", .settings = test_settings },
	{ .name = "remote::plain" },
	{ 0 },
};

#endif
