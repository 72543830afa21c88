/*
 * status - GET /v1/health and GET /v1/version.
 */
#include "api/handlers.h"

void status_health(struct api_call *c)
{
	route_reply(c, 200, STR("{\"status\":\"OK\"}"));
}

void status_version(struct api_call *c)
{
	route_reply(c, 200, STR("{\"version\":\"" QUIPU_VERSION "\"}"));
}
