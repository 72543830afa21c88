#include "tests/sim/world_worker.h"

#include "net/client.h"

#include <stdlib.h>

static char base_url[] = "OPENAI_BASE_URL=http://api.test/v1";
static char api_key[] = "OPENAI_API_KEY=k";
static char ping[] = "--ping-interval=10s", retries[] = "--retries=1";
static char *environment[] = { base_url, api_key, NULL };
static char *flags[] = { ping, retries, NULL };

static const char routed_yaml[] =
	"providers:\n  inference:\n"
	"  - {provider_id: a, provider_type: remote::openai, config: {base_url: "
	"'http://api.test/v1', api_key: k, network: {timeout: {first_byte: "
	"5s}}}}\n"
	"  - {provider_id: b, provider_type: remote::openai, config: {base_url: "
	"'http://two.test/v1', api_key: k}}\n"
	"registered_resources:\n  models:\n"
	"  - {model_id: fast, targets: [{model: a/x}, {model: b/y, priority: "
	"2}]}\n";

struct config *world_config(bool routed)
{
	struct config *config;
	struct buf messages;
	struct arena a;

	buf_init(&messages, 4096);
	arena_init(&a, 1 << 20);
	if (config_load(
		    &(struct config_sources){
			    .file = routed ? "quipu.yaml" : NULL,
			    .text = routed ? str_of(routed_yaml) : STR_NULL,
			    .environment = environment,
			    .flags = flags },
		    provider_config_types(&a), &config, &messages) != 0)
		abort();
	arena_fini(&a);
	buf_fini(&messages);
	return config;
}

static void publish(struct worker *w, struct catalog *c)
{
	worker_set_catalog(w, c);
}

void world_worker(struct worker *w, struct loop *loop, struct config *config)
{
	struct registry *reg;
	struct api_error e;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (registry_new(config, environment, &a, &reg, &e) != 0)
		abort();
	arena_fini(&a);
	*w = (struct worker){
		.loop = loop,
		.catalog = catalog_new(reg, NULL, NULL, 1),
		.publish = publish,
		.metrics = metrics_new(route_count()),
		.client = client_new(loop,
				     &(struct client_cfg){
					     .pool_max = 8,
					     .pool_idle_ns = 60 * CLOCK_S }),
	};
	registry_unref(reg);
	w->server =
		server_new(loop, &(struct server_cfg){
					 .handle = route_request,
					 .refuse = route_refuse,
					 .streams = route_streams,
					 .user = w,
					 .head_max = 32768,
					 .body_max = 1 << 20,
					 .inflated_max = 1 << 20,
					 .head_timeout_ns = 15 * CLOCK_S,
					 .body_timeout_ns = 60 * CLOCK_S,
					 .keepalive_timeout_ns = 75 * CLOCK_S,
					 .write_timeout_ns = 60 * CLOCK_S,
					 .connection_max = 1000,
				 });
}
