#include "core/images.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/log.h"
#include "config/value.h"
#include "llm/image.h"

#include <assert.h>
#include <errno.h>

enum {
	TOTAL_MAX = 64 << 20,     /* bytes of all pictures of a request */
	DATA_URL_EXTRA = 64,      /* around the base64 */
	WORKER_FETCHES_MAX = 128, /* requests of one worker at once */
	URL_SHOWN_MAX = 200,
	REDIRECTED = 1,
};

/* One picture. */
struct picture {
	struct image_ref ref;
	struct str url;
	struct buf bytes;
	struct str type;
	const char *failure; /* static; NULL: none */
};

struct images {
	struct exchange *x;
	struct picture list[IMAGES_MAX];
	size_t count, next;
	int64_t deadline_ns, bytes_max;
	size_t total;
	const struct config_value *hosts; /* at any address; or NULL */
	bool failed;
	struct buf text; /* the request with pictures */
	struct json doc;
	bool has_doc;
};

static int fail(struct images *im, struct picture *p, const char *why)
{
	p->failure = why;
	im->failed = true;
	return -EPROTO;
}

static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	}
	return true;
}

static int read_url(struct images *im, struct picture *p, struct url *out)
{
	if (!is_plain(p->url) || url_parse(p->url, im->x->arena, out) < 0)
		return fail(im, p, "its address is not a URL");
	if (out->is_unix || out->userinfo.len > 0) {
		return fail(im, p,
			    "its address must be http or https, without "
			    "a user");
	}
	if (out->path.len == 0)
		out->path = STR("/");
	return 0;
}

static struct str authority(const struct url *u, struct arena *a)
{
	bool is_v6 = str_find(u->host, STR(":")) < u->host.len;
	struct str host =
		is_v6 ? arena_printf(a, "[" STR_FMT "]", STR_ARG(u->host))
		      : u->host;

	if (u->port == (u->tls ? 443 : 80))
		return host;
	return arena_printf(a, STR_FMT ":%u", STR_ARG(host), u->port);
}

/* Where a redirection leads: a whole URL or a path. */
static int redirect(struct images *im, struct picture *p,
		    const struct url *from, const struct http_head *head)
{
	struct arena *a = im->x->arena;
	const struct http_header *h = http_find_name(head, STR("location"));
	struct str to = h != NULL ? h->value : STR_NULL;
	const char *scheme = from->tls ? "https" : "http";

	if (to.len == 0)
		return fail(im, p, "its server redirects to nowhere");
	if (str_starts(to, STR("//"))) {
		p->url = arena_printf(a, "%s:" STR_FMT, scheme, STR_ARG(to));
	} else if (str_starts(to, STR("/"))) {
		p->url = arena_printf(a, "%s://" STR_FMT STR_FMT, scheme,
				      STR_ARG(authority(from, a)), STR_ARG(to));
	} else {
		p->url = arena_str(a, to);
	}
	return REDIRECTED;
}

static const char *why_unreached(int r, enum client_stage stage)
{
	if (r == -ETIMEDOUT)
		return "it took too long";
	if (r == -EACCES)
		return "its server is not at a public address";
	if (stage == CLIENT_DNS)
		return "its server's name was not found";
	return "its server did not answer";
}

static int read_picture(struct task *t, struct images *im, struct picture *p,
			struct client_response *res)
{
	struct str type = http_value(&res->head, HTTP_CONTENT_TYPE);
	size_t max = (size_t)im->bytes_max;
	int r;

	if (!str_eq_nocase(str_take(type, 6), STR("image/")))
		return fail(im, p,
			    "its server does not say that it is an image");
	if (res->head.framing == HTTP_BODY_LENGTH &&
	    res->head.content_length > max)
		return fail(im, p, "it is too large");
	r = client_read_all(t, res, max, &p->bytes);
	if (r == -EMSGSIZE)
		return fail(im, p, "it is too large");
	if (r != 0) {
		return fail(im, p,
			    r == -ETIMEDOUT ? "it took too long"
					    : "it came only in part");
	}
	p->type = image_type(buf_str(&p->bytes));
	if (p->type.len == 0)
		return fail(im, p, "it is no PNG, JPEG, GIF or WebP");
	im->total += p->bytes.len;
	if (im->total > TOTAL_MAX)
		return fail(im, p, "all images together are too large");
	return 0;
}

static bool any_address(const struct io_addr *addr)
{
	(void)addr;
	return true;
}

/* The operator says which hosts may be at an address that is not public. */
static bool is_trusted(const struct images *im, struct str host)
{
	for (size_t i = 0; im->hosts != NULL && i < im->hosts->item_count;
	     i++) {
		struct str item = im->hosts->items[i];

		if (str_eq(item, STR("*")) || str_eq_nocase(item, host))
			return true;
	}
	return false;
}

static struct client_origin origin_of(const struct images *im,
				      const struct url *url)
{
	return (struct client_origin){
		.tls = url->tls,
		.host = url->host,
		.port = url->port,
		.host_header = authority(url, im->x->arena),
		.tls_ctx = im->x->upstream->guest_tls,
		.allow = is_trusted(im, url->host) ? any_address
						   : io_addr_is_public,
	};
}

static struct str target_of(const struct images *im, const struct url *url)
{
	if (url->query.len == 0)
		return url->path;
	return arena_printf(im->x->arena, STR_FMT "?" STR_FMT,
			    STR_ARG(url->path), STR_ARG(url->query));
}

/* What the answer is.  Returns 0, REDIRECTED, or a failure. */
static int take_answer(struct task *t, struct images *im, struct picture *p,
		       const struct url *from, struct client_response *res)
{
	int status = res->head.status;

	if (status == 200)
		return read_picture(t, im, p, res);
	if (status >= 300 && status < 400)
		return redirect(im, p, from, &res->head);
	return fail(im, p, "its server answered with an error");
}

/* One request.  Returns 0, REDIRECTED, or a failure. */
static int ask(struct task *t, struct images *im, struct picture *p)
{
	static const struct http_header headers[] = {
		{ .name = STR_INIT("accept"), .value = STR_INIT("image/*") },
		{ .name = STR_INIT("user-agent"),
		  .value = STR_INIT("quipu/" QUIPU_VERSION) },
	};
	struct client_request req = {
		.method = STR("GET"),
		.headers = headers,
		.header_count = countof(headers),
		.timeouts = { .deadline_ns = im->deadline_ns },
	};
	struct client_response *res;
	enum client_stage stage = CLIENT_DNS;
	struct client_origin to;
	struct url url;
	int r = read_url(im, p, &url);

	if (r != 0)
		return r;
	to = origin_of(im, &url);
	req.origin = &to;
	req.target = target_of(im, &url);
	r = client_send(t, im->x->worker->client, &req, &res, &stage);
	if (r != 0) {
		log_info("image not fetched: " STR_FMT, STR_ARG(err_text()));
		return fail(im, p, why_unreached(r, stage));
	}
	r = take_answer(t, im, p, &url, res);
	client_done(res);
	return r;
}

static void fetch(struct task *t, struct images *im, struct picture *p)
{
	int r = REDIRECTED;

	buf_init(&p->bytes, (size_t)im->bytes_max);
	for (int i = 0; i <= IMAGES_REDIRECTS_MAX && r == REDIRECTED; i++)
		r = ask(t, im, p);
	if (r == REDIRECTED)
		(void)fail(im, p, "its server redirects too often");
}

static void run_fetches(struct task *t, void *arg)
{
	struct images *im = arg;

	while (!im->failed && im->next < im->count)
		fetch(t, im, &im->list[im->next++]);
}

static int refuse(struct exchange *x, struct picture *p)
{
	struct str path = image_path(&p->ref, x->arena);

	(void)api_fail(&x->error, x->arena, 400, "invalid_request_error",
		       arena_cz(x->arena, path),
		       "The image at '" STR_FMT "' (" STR_FMT
		       ") could not be fetched: %s. Send it as a data URL "
		       "instead.",
		       STR_ARG(path), STR_ARG(str_take(p->url, URL_SHOWN_MAX)),
		       p->failure);
	x->error.code = STR("image_not_fetched");
	return EXCHANGE_FAILED;
}

static int busy(struct exchange *x)
{
	return api_fail(&x->error, x->arena, 503, NULL, NULL,
			"Too many images are being fetched at the moment.");
}

/* All of them, a few at a time. */
static int fetch_all(struct task *t, struct images *im)
{
	struct task_group group;
	size_t n = im->count < IMAGES_AT_ONCE ? im->count : IMAGES_AT_ONCE;

	task_group_init(&group);
	for (size_t i = 0; i < n; i++) {
		if (task_group_spawn(t, &group, "image", run_fetches, im) < 0)
			im->failed = im->failed || i == 0;
	}
	task_group_join(t, &group, im->deadline_ns + CLOCK_S);
	if (task_is_cancelled(t))
		return -ECANCELED;
	for (size_t i = 0; i < im->count; i++) {
		if (im->list[i].failure != NULL)
			return refuse(im->x, &im->list[i]);
	}
	return im->failed ? busy(im->x) : 0;
}

/* The request's text with data URLs. */
static int rewrite(struct images *im)
{
	const struct json *doc = im->x->request.doc;
	struct json_error bad;
	size_t at = 0, max = doc->text.len;
	int r = 0;

	for (size_t i = 0; i < im->count; i++)
		max += im->list[i].bytes.len / 3 * 4 + DATA_URL_EXTRA;
	buf_init(&im->text, max);
	for (size_t i = 0; i < im->count && r == 0; i++) {
		struct picture *p = &im->list[i];
		size_t from = json_offset(doc, p->ref.url);

		r = buf_add(&im->text,
			    str_take(str_drop(doc->text, at), from - at));
		at = from + json_raw(doc, p->ref.url).len;
		if (r == 0)
			r = buf_printf(&im->text, "\"data:" STR_FMT ";base64,",
				       STR_ARG(p->type));
		if (r == 0)
			r = base64_write(&im->text, buf_str(&p->bytes));
		if (r == 0)
			r = buf_add(&im->text, STR("\""));
		buf_fini(&p->bytes);
	}
	if (r == 0)
		r = buf_add(&im->text, str_drop(doc->text, at));
	if (r == 0)
		r = json_parse(buf_str(&im->text), NULL, &im->doc, &bad);
	if (r != 0) {
		return api_fail(&im->x->error, im->x->arena, 400, NULL,
				"messages",
				"The request is too large with its "
				"images.");
	}
	im->has_doc = true;
	im->x->request.doc = &im->doc;
	return 0;
}

/* A number of the provider's settings. */
static int64_t number(const struct provider *p, const char *key,
		      bool (*read)(struct str text, int64_t *out))
{
	int64_t n = 0;

	/* The configuration has checked it. */
	(void)read(provider_setting(p, key), &n);
	return n;
}

static struct images *prepare(struct task *t, struct exchange *x,
			      const struct image_ref *refs, size_t count)
{
	const struct provider *p = &x->upstream->provider;
	struct images *im = arena_zalloc(x->arena, sizeof(*im));

	im->x = x;
	im->count = count;
	im->bytes_max = number(p, "image_bytes_max", value_size);
	im->deadline_ns =
		task_now(t) + number(p, "image_timeout", value_duration);
	im->hosts = provider_value(p, "image_hosts");
	for (size_t i = 0; i < count; i++) {
		im->list[i].ref = refs[i];
		im->list[i].url =
			arena_str(x->arena, json_string(x->request.doc,
							refs[i].url, x->arena));
	}
	return im;
}

static int too_many(struct exchange *x, size_t count)
{
	(void)api_fail(&x->error, x->arena, 400, "invalid_request_error",
		       "messages",
		       "The request has %zu images to be fetched; %d are "
		       "allowed. Send them as data URLs instead.",
		       count, IMAGES_MAX);
	x->error.code = STR("too_many_images");
	return EXCHANGE_FAILED;
}

/* Out of line: few requests have any, and all would pay for the stack. */
static __attribute__((noinline)) int find_and_fetch(struct task *t,
						    struct exchange *x)
{
	struct worker *w = x->worker;
	filled_later struct image_ref refs[IMAGES_MAX];
	size_t count = image_find(x->request.doc, refs, countof(refs));
	int r;

	if (count == 0)
		return 0;
	if (count > IMAGES_MAX)
		return too_many(x, count);
	if (w->image_fetches >= WORKER_FETCHES_MAX)
		return busy(x);
	task_note(t, "fetching images for provider", x->upstream->provider.id);
	assert(x->images == NULL);
	x->images = prepare(t, x, refs, count);
	w->image_fetches++;
	r = fetch_all(t, x->images);
	w->image_fetches--;
	return r == 0 ? rewrite(x->images) : r;
}

int images_fetch(struct task *t, struct exchange *x)
{
	const struct provider *p = &x->upstream->provider;

	if ((p->type->caps & PROVIDER_WANTS_IMAGES) == 0 ||
	    x->request.op != LLM_CHAT ||
	    !str_eq(provider_setting(p, "download_images"), STR("true")))
		return 0;
	return find_and_fetch(t, x);
}

void images_drop(struct exchange *x)
{
	struct images *im = x->images;

	if (im == NULL)
		return;
	for (size_t i = 0; i < im->count; i++)
		buf_fini(&im->list[i].bytes);
	if (im->has_doc) {
		json_fini(&im->doc);
		if (x->request.doc == &im->doc)
			x->request.doc = NULL;
	}
	buf_fini(&im->text);
	x->images = NULL;
}
