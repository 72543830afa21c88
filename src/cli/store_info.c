#include "cli/store_impl.h"

#include "base/clock.h"
#include "cli/print.h"
#include "store/line.h"
#include "json/writer.h"

#include <stdio.h>

/* Seconds, or null: no row has one. */
static void write_time(struct json_writer *w, const char *name, int64_t s)
{
	if (s == 0)
		json_member_null(w, str_of(name));
	else
		json_member_int(w, str_of(name), s);
}

static void write_info(struct json_writer *w, const struct store_info *i,
		       const char *uri)
{
	json_object(w);
	json_member_str(w, STR("store"), str_of(uri));
	json_member_int(w, STR("schema"), i->schema);
	json_member_int(w, STR("rows"), i->rows);
	json_member(w, STR("by_status"));
	json_object(w);
	for (unsigned n = 0; n < STORE_STATUSES; n++)
		json_member_int(w, line_status((enum store_status)n),
				i->by_status[n]);
	json_end(w);
	json_member_int(w, STR("blobs"), i->blobs);
	json_member_int(w, STR("objects"), i->objects);
	json_member_int(w, STR("bytes"), i->bytes);
	json_member_int(w, STR("disk_bytes"), i->disk_bytes);
	write_time(w, "oldest", i->oldest);
	write_time(w, "newest", i->newest);
	json_end(w);
}

/* Print a JSON value and a newline. */
static void print_json(struct buf *out)
{
	struct print p;

	print_init(&p, false);
	print_add(&p, buf_str(out));
	print_add(&p, STR("\n"));
	print_flush(&p);
	print_fini(&p);
}

static void show_json(const struct store_info *i, const char *uri)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, PRINT_MAX);
	json_writer_init(&w, &out);
	write_info(&w, i, uri);
	if (json_writer_done(&w) == 0)
		print_json(&out);
	buf_fini(&out);
}

static void show_time(struct print *p, const char *name, int64_t s)
{
	char text[CLOCK_TEXT_LEN + 1];

	print_fmt(p, "%-10s " STR_FMT "\n", name,
		  STR_ARG(s == 0 ? STR("-") : clock_text(s * CLOCK_S, text)));
}

static void show_text(const struct store_info *i, const char *uri, bool color)
{
	struct print p;

	print_init(&p, color);
	print_fmt(&p, "%-10s %s\n", "store", uri);
	print_fmt(&p, "%-10s version %lld\n", "schema", (long long)i->schema);
	print_fmt(&p, "%-10s %lld\n", "rows", (long long)i->rows);
	for (unsigned n = 0; n < STORE_STATUSES; n++) {
		print_fmt(&p, "  %-10.*s %lld\n",
			  STR_ARG(line_status((enum store_status)n)),
			  (long long)i->by_status[n]);
	}
	print_fmt(&p, "%-10s %lld\n", "blobs", (long long)i->blobs);
	print_fmt(&p, "%-10s %lld\n", "objects", (long long)i->objects);
	print_fmt(&p, "%-10s %lld\n", "bytes", (long long)i->bytes);
	print_fmt(&p, "%-10s %lld\n", "on disk", (long long)i->disk_bytes);
	show_time(&p, "oldest", i->oldest);
	show_time(&p, "newest", i->newest);
	print_flush(&p);
	print_fini(&p);
}

int store_cmd_info(const struct word_cmd *c)
{
	struct store_opened s;
	struct store_info info;
	int r = store_cmd_open(c, false, &s);

	if (r != 0)
		return r;
	if (store_info(s.store, &info) < 0)
		r = store_cmd_failed();
	else if (c->json)
		show_json(&info, s.uri);
	else
		show_text(&info, s.uri, c->color);
	return store_cmd_close(&s, r);
}

static void show_vacuum(const struct word_cmd *c, int64_t before, int64_t after)
{
	if (c->json) {
		(void)printf("{\"before\":%lld,\"after\":%lld}\n",
			     (long long)before, (long long)after);
		return;
	}
	(void)printf("%lld bytes on disk before, %lld after: %lld given back\n",
		     (long long)before, (long long)after,
		     (long long)(before - after));
}

int store_cmd_vacuum(const struct word_cmd *c)
{
	struct store_info before, after;
	struct store_opened s;
	int r = store_cmd_open(c, false, &s);

	if (r != 0)
		return r;
	if (store_info(s.store, &before) < 0 || store_vacuum(s.store) < 0 ||
	    store_info(s.store, &after) < 0)
		r = store_cmd_failed();
	else
		show_vacuum(c, before.disk_bytes, after.disk_bytes);
	return store_cmd_close(&s, r);
}

struct findings {
	struct json_writer w;
	struct buf out;
	int64_t count;
	bool json;
};

static void found(void *arg, struct str what)
{
	struct findings *f = arg;

	f->count++;
	if (f->json)
		json_add_str(&f->w, what);
	else
		(void)words_fail(0, STR_FMT, STR_ARG(what));
}

static void end_findings(struct findings *f, const struct store_info *info)
{
	if (!f->json) {
		(void)printf("%lld rows, %lld problems\n",
			     (long long)info->rows, (long long)f->count);
		return;
	}
	json_end(&f->w);
	json_member_int(&f->w, STR("rows"), info->rows);
	json_end(&f->w);
	if (json_writer_done(&f->w) == 0)
		print_json(&f->out);
}

static int check(struct store *s, struct findings *f)
{
	const struct store_finding finding = { .found = found, .arg = f };
	struct store_info info = { 0 };

	json_writer_init(&f->w, &f->out);
	json_object(&f->w);
	json_member(&f->w, STR("problems"));
	json_array(&f->w);
	if (store_check(s, &finding) < 0 || store_info(s, &info) < 0)
		return store_cmd_failed();
	end_findings(f, &info);
	return f->count > 0 ? STORE_EXIT_BAD : 0;
}

int store_cmd_check(const struct word_cmd *c)
{
	struct findings f = { .json = c->json };
	struct store_opened s;
	int r = store_cmd_open(c, false, &s);

	if (r != 0)
		return r;
	buf_init(&f.out, PRINT_MAX);
	r = check(s.store, &f);
	buf_fini(&f.out);
	return store_cmd_close(&s, r);
}
