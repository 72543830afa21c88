/* Keys of the whole file that are no settings: see struct schema_ignored. */
#include "config/schema.h"

const struct schema_ignored schema_settings_ignored[] = {
	{ "providers", true },
	{ "registered_resources", true },
	{ "registered_resources.models", true },
	{ "providers.inference", true },
	{ "passthrough.routes", true },
	{ "distro_name", true },
	{ "image_name", true },
	{ "container_image", true },
	{ "apis", true },
	{ "storage", true },
	{ "logging", true },
	{ "logging_config", true },
	{ "routing_table", true },
	{ "api_providers", true },
	{ "safety", false },
	{ "vector_stores", false },
	{ "connectors", false },
	{ "external_providers_dir", false },
	{ "external_apis_dir", false },
	{ "server.auth", true },
	{ "server.quota", false },
	{ "server.disable_ipv6", false },
	{ 0 },
};
