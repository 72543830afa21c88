#include "config/server.h"

enum {
	UNIX_PATH_MAX = 107 /* sun_path without its NUL */
};

static void refuse(struct load *l, const struct layer *layer, const char *key,
		   const char *why)
{
	const struct config_value *v = layer_find(layer, str_of(key));

	problem_error(&l->problems, layer_place(v), "%s: %s", key, why);
}

/* Of the mapping auth the text at provider_config.type. */
static bool has_auth_provider(struct load *l, const struct tree_node *auth)
{
	const struct tree_node *config =
		tree_find(auth, STR("provider_config"));
	struct str type;

	if (config == NULL || config->kind != TREE_MAP)
		return false;
	return load_entry(l, config, STR("type"),
			  STR("server.auth.provider_config."), &type) == 0 &&
	       type.len > 0;
}

/*
 * A file that asks for authentication must not start an open server.  OGX
 * leaves auth off when its provider's type is empty; so does this.
 */
static void check_auth(struct load *l, const struct tree_node *root)
{
	const struct tree_node *server = tree_find(root, STR("server")), *auth;
	const struct tree_node *policy;

	if (server == NULL || server->kind != TREE_MAP)
		return;
	auth = tree_find(server, STR("auth"));
	if (auth == NULL || tree_is_empty(auth))
		return;
	policy = auth->kind == TREE_MAP ? tree_find(auth, STR("route_policy"))
					: auth;
	if (!(policy != NULL && !tree_is_empty(policy)) &&
	    !has_auth_provider(l, auth))
		return;
	problem_error(&l->problems, auth->key_at,
		      "server.auth: quipu cannot check clients yet; without "
		      "this section everybody may use the server");
}

void server_check(struct load *l, const struct layer *layer,
		  const struct tree_node *root)
{
	const struct config *c = l->cfg;

	if (c->tls_cert.len > 0 && c->tls_key.len == 0) {
		refuse(l, layer, "server.tls_certfile",
		       "needs server.tls_keyfile as well");
	}
	if (c->tls_key.len > 0 && c->tls_cert.len == 0) {
		refuse(l, layer, "server.tls_keyfile",
		       "needs server.tls_certfile as well");
	}
	if (c->tls_client_ca.len > 0 && c->tls_cert.len == 0) {
		refuse(l, layer, "server.tls_cafile",
		       "needs server.tls_certfile as well");
	}
	if (c->unix_path.len > UNIX_PATH_MAX) {
		refuse(l, layer, "server.unix_socket",
		       "is longer than 107 bytes");
	}
	if (!str_starts(c->metrics_path, STR("/")))
		refuse(l, layer, "metrics.path", "must begin with a slash");
	if (root != NULL)
		check_auth(l, root);
}
