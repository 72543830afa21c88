/*
 * responses_stored - the responses that were kept: list, get, their input.
 *
 * What a response's input is, is what it was made of: the items of the responses
 * before it, and its own.  They are in the rows of its chain (responses/state.h).
 */
#include "api/responses_stored.h"

#include "api/handlers.h"
#include "api/page.h"
#include "http/url.h"
#include "net/websocket.h"
#include "responses/include.h"

#define UNKNOWN                                              \
	". Use 'client.responses.list()' to list available " \
	"Responses."

const struct store_job_words responses_stored_words = {
	.name = "Response",
	.many = "responses",
	.row = "kept response",
	.unknown = UNKNOWN,
	.code = "response_not_found",
	.with_detail = true,
};

static const struct store_job_words items_words = {
	.name = "Response",
	.many = "responses",
	.row = "input item of this response",
	.unknown = UNKNOWN,
	.code = "response_not_found",
	.cursor_status = 404,
	.with_detail = true,
};

int responses_stored_row(struct store_job *job, struct arena *a,
			 struct store_object *out)
{
	int r = store_job_get(job, STORE_RESPONSE, a, out);

	return r == 0 && responses_stored_is_hidden(out) ? STORE_UNKNOWN : r;
}

/* --- its input ------------------------------------------------------------- */

int responses_stored_load(struct store_job *job, struct str id, bool own,
			  struct history *h, struct item_list *out)
{
	struct store_chain_query q = {
		.from = { STORE_RESPONSE, job->owner, id },
		.max = STORE_CHAIN_MAX,
		.without = STORE_AUX,
	};
	int r = store_object_chain(job->store, &q, &h->arena, &h->chain);

	if (r != 0)
		return r;
	if (!own)
		h->chain.rows[h->chain.count - 1].body = STR("");
	history_items(h, out);
	return 0;
}

void responses_stored_add_items(struct json_writer *w,
				const struct item_list *items)
{
	json_array(w);
	for (size_t i = 0; i < items->count; i++)
		json_add_raw(w, items->texts[i]);
	json_end(w);
}

/* --- list ------------------------------------------------------------------ */

/* A response with its input, as OGX lists it. */
static int write_with_input(struct store_job *job, struct json_writer *w,
			    const struct store_object *row)
{
	struct history *h = history_new();
	struct item_list items;
	struct json_error bad;
	struct json doc;
	int r = responses_stored_load(job, row->id, false, h, &items);

	/* One that was deleted since is shown as it was. */
	if (r == STORE_UNKNOWN) {
		items = (struct item_list){ 0 };
		r = 0;
	}
	if (r == 0 && json_parse(row->body, NULL, &doc, &bad) != 0)
		r = store_job_damaged();
	if (r == 0) {
		json_object(w);
		for (uint32_t v = json_first(&doc, json_root(&doc));
		     v != JSON_NONE; v = json_next(&doc, v))
			json_member_copy(w, json_raw(&doc, json_key(&doc, v)),
					 json_raw(&doc, v));
		json_member(w, STR("input"));
		responses_stored_add_items(w, &items);
		json_end(w);
		json_fini(&doc);
	}
	history_free(h);
	return r;
}

static int list_some(struct store_job *job, struct json_writer *w,
		     struct arena *a)
{
	struct store_objects_query q = store_job_query(job, STORE_RESPONSE);
	struct store_objects page;
	int r;

	q.not_state = RESPONSES_STORED_HIDDEN;
	q.without = STORE_INPUT | STORE_AUX;
	r = store_object_list(job->store, &q, a, &page);
	if (r != 0)
		return r;
	page_begin(w);
	for (size_t i = 0; i < page.count && r == 0; i++)
		r = write_with_input(job, w, &page.rows[i]);
	page_end(w, page.count > 0 ? page.rows[0].id : STR(""),
		 page.count > 0 ? page.rows[page.count - 1].id : STR(""),
		 page.has_more);
	return r;
}

static int do_list(struct store_job *job, struct json_writer *w)
{
	return store_job_list(job, w, list_some);
}

/* --- input items ----------------------------------------------------------- */

/* What the query of input_items says beside its page; carried as sub. */
static unsigned wanted_of(struct str sub)
{
	int64_t n;

	return str_to_i64(sub, 0, UINT32_MAX, &n) ? (unsigned)n : 0;
}

/* One item's text, read. */
struct shown {
	struct json doc;
	struct str id;
};

/* The items that are shown, in the page's order. */
struct shown_list {
	struct shown *items;
	size_t count;
};

static int read_items(const struct item_list *all, bool newest_first,
		      struct arena *a, struct shown_list *out)
{
	out->items = arena_alloc(a, (all->count + 1) * sizeof(*out->items));
	for (size_t i = 0; i < all->count; i++) {
		size_t at = newest_first ? all->count - 1 - i : i;
		struct shown *s = &out->items[out->count];
		struct json_error bad;
		uint32_t root;

		if (json_parse(all->texts[at], NULL, &s->doc, &bad) != 0)
			return store_job_damaged();
		root = json_root(&s->doc);
		if (json_is(&s->doc, json_get(&s->doc, root, STR("type")),
			    STR("compaction"))) {
			json_fini(&s->doc);
			continue;
		}
		s->id = json_string(&s->doc, json_get(&s->doc, root, STR("id")),
				    a);
		out->count++;
	}
	return 0;
}

static bool find_cursor(const struct shown_list *list, struct str id,
			size_t *out)
{
	for (*out = 0; *out < list->count; ++*out) {
		if (str_eq(list->items[*out].id, id))
			return true;
	}
	return false;
}

static void write_items(const struct store_job *job, struct json_writer *w,
			const struct shown_list *list, size_t at)
{
	struct page_span span = page_span(&job->query, at, list->count);
	const struct shown *first = &list->items[span.first];

	page_begin(w);
	for (size_t i = 0; i < span.count; i++)
		include_write(w, &first[i].doc, json_root(&first[i].doc),
			      wanted_of(job->sub));
	page_end(w, span.count > 0 ? first[0].id : STR(""),
		 span.count > 0 ? first[span.count - 1].id : STR(""),
		 span.has_more);
}

static int do_input_items(struct store_job *job, struct json_writer *w)
{
	const struct store_query *q = &job->query;
	struct str cursor = q->after.len > 0 ? q->after : q->before;
	struct history *h = history_new();
	struct shown_list list = { 0 };
	struct item_list all;
	size_t at = SIZE_MAX;
	int r = responses_stored_load(job, job->id, false, h, &all);

	if (r == 0 &&
	    responses_stored_is_hidden(&h->chain.rows[h->chain.count - 1]))
		r = STORE_UNKNOWN;
	if (r == 0)
		r = read_items(&all, q->newest_first, &h->arena, &list);
	if (r == 0 && cursor.len > 0 && !find_cursor(&list, cursor, &at))
		r = STORE_BAD_CURSOR;
	if (r == 0)
		write_items(job, w, &list, at);
	for (size_t i = 0; i < list.count; i++)
		json_fini(&list.items[i].doc);
	history_free(h);
	return r;
}

/* --- get ------------------------------------------------------------------- */

static bool is_background(struct str body)
{
	struct json_error bad;
	struct json doc;
	bool is;

	if (json_parse(body, NULL, &doc, &bad) != 0)
		return false;
	is = json_is_true(&doc,
			  json_get(&doc, json_root(&doc), STR("background")));
	json_fini(&doc);
	return is;
}

/*
 * A client may have seen the end of what its own request made, on another
 * server; of a background run it knows what it is told here.
 */
static int do_get(struct store_job *job, struct json_writer *w)
{
	struct store_object row;
	int r = responses_stored_row(job, &job->arena, &row);

	if (r != 0)
		return r;
	job->is_early =
		responses_stored_is_under_way(&row) && !is_background(row.body);
	json_add_raw(w, row.body);
	return 0;
}

/* --- what is asked --------------------------------------------------------- */

static int refuse(struct api_call *c, struct api_error *e, const char *param,
		  const char *text)
{
	(void)api_fail(e, &c->req->arena, 400, "invalid_request_error", param,
		       "Invalid '%s': %s.", param, text);
	e->code = STR("invalid_value");
	e->with_detail = true;
	return API_FAIL;
}

/* include=WORD and include[]=WORD, as often as one likes. */
static int read_include(struct api_call *c, unsigned *out, struct api_error *e)
{
	struct str query = c->req->query, key, value;
	int r;

	*out = 0;
	while ((r = url_query_next(&query, &c->req->arena, &key, &value)) ==
	       1) {
		unsigned word = include_of(value);

		if (!str_eq(key, STR("include")) &&
		    !str_eq(key, STR("include[]")))
			continue;
		if (word == 0)
			return refuse(c, e, "include",
				      "its words are " INCLUDE_WORDS);
		*out |= word;
	}
	return r == 0 ? 0 : refuse(c, e, "include", "it has a bad %-escape");
}

/* How a response is to be got. */
struct get_ask {
	bool stream;
	int64_t starting_after; /* -1: from the start */
};

static int read_get(struct api_call *c, struct get_ask *out,
		    struct api_error *e)
{
	struct str query = c->req->query, key, value;

	*out = (struct get_ask){ .starting_after = -1 };
	while (url_query_next(&query, &c->req->arena, &key, &value) == 1) {
		if (str_eq(key, STR("stream"))) {
			out->stream = str_eq_nocase(value, STR("true")) ||
				      str_eq(value, STR("1"));
			if (!out->stream && value.len > 0 &&
			    !str_eq_nocase(value, STR("false")) &&
			    !str_eq(value, STR("0")))
				return refuse(c, e, "stream",
					      "it is 'true' or 'false'");
		} else if (str_eq(key, STR("starting_after")) &&
			   value.len > 0 &&
			   !str_to_i64(value, -1, INT64_MAX - 1,
				       &out->starting_after)) {
			return refuse(c, e, "starting_after",
				      "it is the sequence_number of the last "
				      "event that was received");
		}
	}
	return 0;
}

void responses_stored_get(struct api_call *c)
{
	struct get_ask ask;
	struct api_error e;
	unsigned wanted;

	if (read_include(c, &wanted, &e) != 0 || read_get(c, &ask, &e) != 0) {
		route_fail(c, &e);
	} else if (ask.stream) {
		responses_resume(c, ask.starting_after);
	} else {
		store_job_run(c, &(struct store_job_ask){
					 .act = do_get,
					 .words = &responses_stored_words,
					 .id = c->rest });
	}
}

void responses_stored_input(struct api_call *c)
{
	struct api_error e;
	unsigned wanted;

	if (read_include(c, &wanted, &e) != 0) {
		route_fail(c, &e);
		return;
	}
	store_job_run_page(c,
			   &(struct store_job_ask){
				   .act = do_input_items,
				   .words = &items_words,
				   .id = c->rest,
				   .sub = arena_printf(&c->req->arena, "%u",
						       wanted) },
			   &(struct page_usual){ 20, .newest_first = true });
}

void responses_stored_list(struct api_call *c)
{
	if (websocket_is_asked(c->req)) {
		responses_socket(c);
		return;
	}
	store_job_run_page(c,
			   &(struct store_job_ask){
				   .act = do_list,
				   .words = &responses_stored_words },
			   &(struct page_usual){ 50, .newest_first = true });
}
