#include "core/credentials.h"

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
	x->request.key = value;
	return 0;
}

int credentials_take(struct exchange *x)
{
	const struct provider *p = &x->upstream->provider;
	bool is_ours = x->request.op == LLM_MODELS;
	int r = 0;

	x->request.key = STR_NULL;
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

static struct str hide(struct exchange *x, struct str text)
{
	const struct provider_request *req = &x->request;

	text = provider_data_hide(text, x->upstream->provider.key, x->arena);
	text = provider_data_hide(text, req->key, x->arena);
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
