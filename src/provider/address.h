/*
 * address - an address that a client brought for its request.
 *
 *	x-ogx-provider-data: {"azure_api_base": "https://mine.openai.azure.com",
 *			      "azure_api_key": "..."}
 *
 * Such a request goes to the client's address with what the client brought, and
 * with nothing that is configured: no key, no header, no certificate, no proxy.
 */
#ifndef PROVIDER_ADDRESS_H
#define PROVIDER_ADDRESS_H

#include "provider/provider.h"

enum address_policy {
	ADDRESS_OFF,
	ADDRESS_HTTPS, /* and only at public addresses */
	ADDRESS_ANY,
};

/* The policy of a provider: its setting client_address. */
enum address_policy address_policy(const struct provider *p);

/* A row of the tables of kinds that have an address_field. */
#define ADDRESS_SETTING                                                        \
	{                                                                      \
		.key = "client_address", .kind = SETTING_ENUM, .def = "https", \
		.choices = "off|https|any",                                    \
		.help = "which addresses of their own clients may bring"       \
	}

struct address {
	const struct provider *provider; /* to encode with; in the arena */
	bool is_own; /* of the client: the configured origin is not its */
};

/*
 * Returns 0 with *out: the provider as it is, or as the client addressed it.
 * API_FAIL (400) for an address that is not allowed, or that came without a key
 * although the kind needs one.
 */
must_check int address_take(const struct provider *p,
			    const struct provider_request *req, struct arena *a,
			    struct address *out, struct api_error *e);

#endif
