#include "recording/idmap.h"

#include "recording/key.h"
#include "json/json.h"

struct pair {
	struct str recorded, live;
};

/* What two bodies would add. */
struct lesson {
	const struct json *recorded, *live;
	const struct idmap *map;
	struct pair pairs[IDMAP_MAX];
	size_t count;
	bool clash;
	struct arena *a;
};

void idmap_init(struct idmap *m)
{
	*m = (struct idmap){ 0 };
	arena_init(&m->arena, SIZE_MAX / 2);
}

void idmap_fini(struct idmap *m)
{
	map_fini(&m->live);
	map_fini(&m->recorded);
	arena_fini(&m->arena);
}

static bool is_other(const struct map *map, struct str key, struct str value)
{
	const struct str *known = map_get(map, key);

	return known != NULL && !str_eq(*known, value);
}

/* Ids that are the same in both are pairs, too: no other may take them. */
static void add_pair(struct lesson *l, struct str recorded, struct str live)
{
	for (size_t i = 0; i < l->count; i++) {
		bool same = str_eq(l->pairs[i].recorded, recorded);

		if (same != str_eq(l->pairs[i].live, live))
			l->clash = true;
		if (same)
			return;
	}
	if (is_other(&l->map->live, recorded, live) ||
	    is_other(&l->map->recorded, live, recorded) ||
	    l->count + l->map->live.len >= IDMAP_MAX) {
		l->clash = true;
		return;
	}
	l->pairs[l->count++] = (struct pair){ recorded, live };
}

/* The parser has bounded the depth; a clash ends the walk. */
static void compare(struct lesson *l, uint32_t was, uint32_t now)
{
	bool object = json_type(l->recorded, was) == JSON_OBJECT;
	struct str x, y;

	if (l->clash || json_type(l->recorded, was) != json_type(l->live, now))
		return;
	if (json_type(l->recorded, was) == JSON_STRING) {
		x = json_string(l->recorded, was, l->a);
		y = json_string(l->live, now, l->a);
		if (key_is_id(x) && key_is_id(y))
			add_pair(l, x, y);
		return;
	}
	was = json_first(l->recorded, was);
	for (uint32_t i = json_first(l->live, now); i != JSON_NONE && !object;
	     i = json_next(l->live, i)) {
		compare(l, was, i);
		was = json_next(l->recorded, was);
	}
	for (; was != JSON_NONE && object; was = json_next(l->recorded, was)) {
		struct str key = json_string(l->recorded,
					     json_key(l->recorded, was), l->a);

		compare(l, was, json_get(l->live, now, key));
	}
}

static struct str *keep(struct idmap *m, struct str s)
{
	struct str *kept = arena_alloc(&m->arena, sizeof(*kept));

	*kept = arena_str(&m->arena, s);
	return kept;
}

static void take_over(struct idmap *m, const struct lesson *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct str *recorded, *live;

		if (map_get(&m->live, l->pairs[i].recorded) != NULL)
			continue;
		recorded = keep(m, l->pairs[i].recorded);
		live = keep(m, l->pairs[i].live);
		(void)map_put(&m->live, *recorded, live);
		(void)map_put(&m->recorded, *live, recorded);
	}
}

int idmap_learn(struct idmap *m, struct str recorded, struct str live)
{
	struct json_error e;
	struct json was, now;
	struct lesson *l;
	struct arena a;
	bool clash;

	if (json_parse(recorded, NULL, &was, &e) != 0)
		return 0;
	if (json_parse(live, NULL, &now, &e) != 0) {
		json_fini(&was);
		return 0;
	}
	arena_init(&a, SIZE_MAX / 2);
	l = arena_alloc(&a, sizeof(*l));
	l->recorded = &was;
	l->live = &now;
	l->map = m;
	l->count = 0;
	l->clash = false;
	l->a = &a;
	compare(l, json_root(&was), json_root(&now));
	clash = l->clash;
	if (!clash)
		take_over(m, l);
	arena_fini(&a);
	json_fini(&was);
	json_fini(&now);
	return clash ? IDMAP_CLASH : 0;
}

size_t idmap_count(const struct idmap *m)
{
	const struct map_entry *e;
	size_t at = 0, n = 0;

	while ((e = map_next(&m->live, &at)) != NULL)
		n += !str_eq(e->key, *(const struct str *)e->value);
	return n;
}

/* The string that begins behind a quote, up to the next one, or "". */
static struct str quoted(struct str s)
{
	const char *end = s.len > 0 ? memchr(s.ptr, '"', s.len) : NULL;

	return end != NULL ? str_take(s, (size_t)(end - s.ptr)) : STR_NULL;
}

/* Append s with its ids replaced. */
static int replace(const struct idmap *m, struct str s, struct buf *out)
{
	int r = 0;

	while (s.len > 0 && r == 0) {
		const char *quote = memchr(s.ptr, '"', s.len);
		size_t n = quote != NULL ? (size_t)(quote - s.ptr) + 1 : s.len;
		struct str id = quoted(str_drop(s, n));
		const struct str *live =
			id.len > 0 ? map_get(&m->live, id) : NULL;

		r = buf_add(out, str_take(s, n));
		s = str_drop(s, n);
		if (live != NULL && r == 0) {
			r = buf_add(out, *live);
			s = str_drop(s, id.len);
		}
	}
	return r;
}

void idmap_apply(const struct idmap *m, struct recording *r, struct arena *a)
{
	struct recording_response *res = &r->response;
	struct recording_mark *marks;
	struct buf out;
	uint64_t from = 0;
	int status = 0;

	if (idmap_count(m) == 0 || res->mark_count == 0)
		return;
	buf_init(&out, RECORDING_BODY_MAX);
	marks = arena_alloc(a, res->mark_count * sizeof(*marks));
	for (size_t i = 0; i < res->mark_count && status == 0; i++) {
		struct str event = str_take(str_drop(res->body, from),
					    res->marks[i].end - from);

		status = replace(m, event, &out);
		from = res->marks[i].end;
		marks[i] = res->marks[i];
		marks[i].end = out.len;
	}
	if (status == 0) {
		res->body = arena_str(a, buf_str(&out));
		res->marks = marks;
	}
	buf_fini(&out);
}
