#include "core/credentials.h"

#include "provider/address.h"

static int no_bearer(struct exchange *x)
{
	(void)api_fail(&x->error, x->arena, 401, "authentication_error", NULL,
		       "Provider '" STR_FMT
		       "' takes the client's own key (forward_auth): send the "
		       "header authorization: Bearer <API_KEY>.",
		       STR_ARG(x->upstream->provider.id));
	x->error.code = STR("missing_api_key");
	return API_FAIL;
}

/* "Bearer x": x, when it may stand in a header again. */
static int take_bearer(struct exchange *x)
{
	static const struct str scheme = STR_INIT("bearer ");
	struct str value = x->request.bearer;

	if (!str_eq_nocase(str_take(value, scheme.len), scheme))
		return no_bearer(x);
	value = str_trim(str_drop(value, scheme.len));
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] <= ' ' || value.ptr[i] > '~')
			return no_bearer(x);
	}
	if (value.len == 0)
		return no_bearer(x);
	/* A stream gives the head back, and still hides what it holds. */
	x->request.key = arena_str(x->arena, value);
	x->request.is_forwarded = true;
	return 0;
}

static int take_key(struct exchange *x)
{
	const struct provider *p = &x->upstream->provider;
	bool is_ours = x->request.op == LLM_MODELS;
	int r = 0;

	x->request.key = STR_NULL;
	x->request.is_forwarded = false;
	if (p->type->key_field != NULL && x->request.data != NULL) {
		r = provider_data_field(x->request.data,
					str_of(p->type->key_field), x->arena,
					&x->request.key, &x->error);
	}
	if (r == 0 && x->request.key.len == 0 && p->config->forward_auth &&
	    !is_ours)
		r = take_bearer(x);
	return r;
}

/* Out of line: few providers need it, and it takes stack. */
static __attribute__((noinline)) int take_token(struct task *t,
						struct exchange *x)
{
	struct grant_token *token;
	struct grant grant = { 0 };
	struct tokens_ask ask = { &grant, x->upstream };
	int r;

	x->request.token = NULL;
	if (!x->upstream->provider.type->grant(&x->upstream->provider,
					       &x->request, &grant))
		return 0;
	token = arena_zalloc(x->arena, sizeof(*token));
	r = tokens_get(t, x->worker->tokens, &ask, x->arena, token, &x->error);
	if (r == 0)
		x->request.token = token;
	return r;
}

static bool any_address(const struct io_addr *addr)
{
	(void)addr;
	return true;
}

/*
 * Asked for its addresses, and not kept: connections that a client chose are
 * for nobody else, and cost nothing once its request is over.
 */
static struct client_origin *make_origin(const struct exchange *x,
					 const struct provider *p)
{
	struct client_origin *o = arena_zalloc(x->arena, sizeof(*o));

	*o = (struct client_origin){
		.id = STR("a client's own"),
		.tls = p->base.tls,
		.host = p->base.host,
		.port = p->base.port,
		.host_header = provider_host(p, x->arena),
		.tls_ctx = x->upstream->guest_tls,
		.allow = address_policy(p) == ADDRESS_ANY ? any_address
							  : io_addr_is_public,
	};
	return o;
}

/* Out of line as well: where to, when the client says. */
static __attribute__((noinline)) int take_address(struct exchange *x)
{
	struct upstream *own;
	struct address to;
	int r = address_take(&x->upstream->provider, &x->request, x->arena, &to,
			     &x->error);

	if (r != 0 || to.provider == &x->upstream->provider)
		return r;
	own = arena_zalloc(x->arena, sizeof(*own));
	*own = *x->upstream;
	own->provider = *to.provider;
	own->origin =
		to.is_own ? make_origin(x, to.provider) : x->upstream->origin;
	x->via = own;
	return 0;
}

int credentials_take(struct task *t, struct exchange *x)
{
	int r = take_key(x);

	if (r == 0 && x->request.data != NULL &&
	    x->upstream->provider.type->address_field != NULL)
		r = take_address(x);
	if (r == 0 && x->upstream->provider.type->grant != NULL)
		r = take_token(t, x);
	return r;
}

bool credentials_renew(struct task *t, struct exchange *x)
{
	struct grant grant = { 0 };
	struct tokens_ask ask = { &grant, x->upstream };

	const struct grant_token *token = x->request.token;
	bool found;

	if (token == NULL)
		return false;
	x->request.token = NULL;
	found = x->upstream->provider.type->grant(&x->upstream->provider,
						  &x->request, &grant);
	x->request.token = token;
	return found && tokens_drop(t, x->worker->tokens, &ask);
}

static struct str hide(struct exchange *x, struct str text)
{
	const struct provider_request *req = &x->request;

	text = provider_data_hide(text, x->upstream->provider.key, x->arena);
	text = provider_data_hide(text, req->key, x->arena);
	for (size_t i = 0; req->token != NULL && i < GRANT_VALUES_MAX; i++) {
		text = provider_data_hide(text, req->token->values[i],
					  x->arena);
	}
	return provider_data_mask(req->data, text, x->arena);
}

void credentials_hide(struct exchange *x)
{
	struct str body = buf_str(&x->body);
	struct api_error *e = &x->error;

	e->message = hide(x, e->message);
	e->code = hide(x, e->code);
	e->param = hide(x, e->param);
	/* JSON may write a key in other ways: a doubtful body is not told. */
	if (hide(x, body).ptr != body.ptr ||
	    str_find(e->message, STR("********")) < e->message.len)
		buf_clear(&x->body);
}
