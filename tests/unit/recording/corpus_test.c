/*
 * Real recordings in OGX's format, when they lie beside the project: all are
 * read, all names follow, and what is played is what was recorded.
 */
#include "recording/exact.h"
#include "recording/file.h"
#include "recording/ogx.h"
#include "recording/ogx_shape.h"
#include "recording/tree.h"

#include "tests/unit/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/sse.h"
#include "json/splice.h"

static char root[1024];

static int find_corpus(void **state)
{
	const char *source = getenv("QUIPU_SOURCE");

	(void)state;
	(void)snprintf(root, sizeof(root), "%s/../shared/recordings",
		       source != NULL ? source : ".");
	return 0;
}

static void need_corpus(void)
{
	if (access(root, R_OK) == 0)
		return;
	(void)printf("SKIPPED: there are no recordings in %s\n", root);
	skip();
}

static void read_one(int dir, const char *name, struct arena *a,
		     struct ogx_file *f)
{
	struct recording_problem problem = { .text = "" };
	struct str text;

	check_int(name, file_read(dir, name, a, &text, &problem), 0);
	check_int(name, ogx_read(text, f, a, &problem), 0);
}

static int check_name(void *arg, int dir, struct str folder, const char *name)
{
	struct ogx_name result;
	struct ogx_file f;
	struct arena a;

	(void)folder;
	arena_init(&a, SIZE_MAX / 2);
	read_one(dir, name, &a, &f);
	check_int(name, ogx_check_name(&f, str_of(name), &result), 0);
	if (!result.matches)
		fail_msg("%s: %s", name, result.why);
	ogx_fini(&f);
	arena_fini(&a);
	++*(size_t *)arg;
	return 0;
}

static void all_names_follow(void **state)
{
	size_t count = 0;
	struct tree_visitor v = { .file = check_name, .arg = &count };

	(void)state;
	need_corpus();
	check_int("walk", tree_walk(root, &v), 0);
	check_true("files", count > 500);
}

/* The events of the wire are the list's elements, member for member. */
static void check_events(const char *name, const struct ogx_file *f,
			 struct str wire, struct arena *a)
{
	uint32_t list = json_get(&f->doc, f->response, STR("body"));
	uint32_t v = json_first(&f->doc, list);
	struct sse_parser p;
	struct sse_event ev;

	sse_init(&p, 1 << 20);
	while (wire.len > 0) {
		struct str piece = str_take(wire, 4096);

		check_true(name, sse_feed(&p, piece) == 0);
		wire = str_drop(wire, piece.len);
		while (sse_next(&p, &ev) == SSE_EVENT) {
			uint32_t data = json_get(&f->doc, v, STR("__data__"));

			if (v == JSON_NONE) {
				check_str(name, ev.data, STR("[DONE]"));
				continue;
			}
			check_str(name, ev.data,
				  recording_compact(json_raw(&f->doc, data),
						    a));
			v = json_next(&f->doc, v);
		}
	}
	check_int(name, v, JSON_NONE);
	sse_fini(&p);
}

static int check_stream(void *arg, int dir, struct str folder, const char *name)
{
	struct recording_problem problem;
	struct recording r;
	struct ogx_file f;
	struct arena a;

	(void)folder;
	arena_init(&a, SIZE_MAX / 2);
	read_one(dir, name, &a, &f);
	check_int(name, ogx_play(&f, &a, &r, &problem), 0);
	check_true(name, r.response.status >= 200 && r.op.len > 0);
	if (f.is_streaming && f.call.family == OGX_INFERENCE &&
	    str_ends(f.endpoint, STR("completions"))) {
		check_events(name, &f, r.response.body, &a);
		++*(size_t *)arg;
	}
	ogx_fini(&f);
	arena_fini(&a);
	return 0;
}

static void streams_are_played_as_recorded(void **state)
{
	size_t count = 0;
	struct tree_visitor v = { .file = check_stream, .arg = &count };

	(void)state;
	need_corpus();
	check_int("walk", tree_walk(root, &v), 0);
	check_true("streams", count > 400);
}

/* As a recording of the exact format they are the same bytes. */
static int convert_one(void *arg, int dir, struct str folder, const char *name)
{
	struct exact_options options = { 0 };
	struct recording_problem problem;
	struct recording again;
	struct file f;
	struct buf out;
	bool sidecar;

	(void)folder;
	check_int(name, file_load(dir, name, &f, &problem), 0);
	buf_init(&out, RECORDING_FILE_MAX);
	check_int(name, exact_write(&f.recording, &options, &out, &sidecar), 0);
	check_int(name, exact_read(buf_str(&out), &f.arena, &again, &problem),
		  0);
	check_true(name,
		   str_eq(again.response.body, f.recording.response.body));
	check_int(name, again.response.mark_count,
		  f.recording.response.mark_count);
	if (str_starts(f.recording.op, STR("chat"))) {
		check_int(name, str_find(buf_str(&out), STR("[\"raw\"")),
			  out.len);
		check_int(name, str_find(buf_str(&out), STR("[\"b64\"")),
			  out.len);
	}
	*(size_t *)arg += f.recording.response.mark_count;
	buf_fini(&out);
	file_fini(&f);
	return 0;
}

static void all_can_be_kept_in_the_exact_format(void **state)
{
	size_t events = 0;
	struct tree_visitor v = { .file = convert_one, .arg = &events };

	(void)state;
	need_corpus();
	check_int("walk", tree_walk(root, &v), 0);
	check_true("events", events > 10000);
}

/* The body that the SDK sent: extra_body, which is empty here, is no member. */
static struct str wire_body(const char *name, const struct ogx_file *f,
			    struct arena *a)
{
	struct str raw = json_raw(&f->doc, f->call.body);
	struct splice s = { .text = raw };
	struct json_error e;
	struct json doc;
	struct buf out;

	check_int(name, json_parse(raw, NULL, &doc, &e), 0);
	check_int(name, splice_drop(&s, &doc, 0, STR("extra_body")), 0);
	buf_init(&out, RECORDING_BODY_MAX);
	check_int(name, splice_write(&s, &out), 0);
	raw = arena_str(a, buf_str(&out));
	buf_fini(&out);
	json_fini(&doc);
	return raw;
}

struct found {
	size_t count, first, files;
};

/* What a client would ask for is found under the recording's name. */
static int find_one(void *arg, int dir, struct str folder, const char *name)
{
	struct recording_problem problem;
	struct found *found = arg;
	struct ogx_keys keys;
	struct recording r;
	struct ogx_file f;
	struct arena a;

	(void)folder;
	arena_init(&a, SIZE_MAX / 2);
	read_one(dir, name, &a, &f);
	check_int(name, ogx_play(&f, &a, &r, &problem), 0);
	if (f.call.family == OGX_INFERENCE &&
	    str_ends(f.endpoint, STR("completions")) && strlen(name) > 60) {
		struct ogx_request req = {
			.op = r.op,
			.base_url = r.request.upstream,
			.body = wire_body(name, &f, &a),
			.test_id = f.test_id,
		};

		check_int(name, ogx_keys(&req, &keys), 0);
		found->files++;
		for (size_t i = 0; i < keys.count; i++) {
			bool same = memcmp(keys.keys[i], name,
					   RECORDING_KEY_LEN) == 0;

			found->count += same;
			found->first += same && i == 0;
		}
	}
	ogx_fini(&f);
	arena_fini(&a);
	return 0;
}

static void requests_find_their_recordings(void **state)
{
	struct found found = { 0 };
	struct tree_visitor v = { .file = find_one, .arg = &found };

	(void)state;
	need_corpus();
	check_int("walk", tree_walk(root, &v), 0);
	check_true("files", found.files > 500);
	(void)printf("%zu requests, %zu found, %zu by the first key\n",
		     found.files, found.count, found.first);
	check_int("found", found.count, found.files);
}

struct written {
	size_t files, same;
};

/* What OGX wrote, written by quipu from the bytes that it would send. */
static int write_one(void *arg, int dir, struct str folder, const char *name)
{
	struct ogx_output o = { 0 };
	struct recording_problem problem;
	struct written *written = arg;
	char file_name[RECORDING_NAME_MAX + 1];
	struct recording r;
	struct ogx_file f;
	struct str text;
	struct arena a;
	struct buf out;
	int status;

	(void)folder;
	arena_init(&a, SIZE_MAX / 2);
	buf_init(&out, RECORDING_FILE_MAX);
	check_int(name, file_read(dir, name, &a, &text, &problem), 0);
	check_int(name, ogx_read(text, &f, &a, &problem), 0);
	check_int(name, ogx_play(&f, &a, &r, &problem), 0);
	o.recording = &r;
	o.call = &f.call;
	o.endpoint = f.endpoint;
	o.key = str_take(str_drop(str_of(name), name[0] == 'm' ? 7 : 0), 64);
	status = ogx_write(&o, &out);
	if (status == 0 && f.call.family == OGX_INFERENCE &&
	    str_find(text, STR("\"provider_metadata\"")) == text.len &&
	    str_find(text, STR("\"id_normalization_mapping\"")) < text.len) {
		written->files++;
		if (str_eq(buf_str(&out), text)) {
			written->same++;
		} else {
			(void)printf("differs: %s\n", name);
		}
		check_str(name, ogx_file_name(&o, file_name), str_of(name));
	}
	ogx_fini(&f);
	buf_fini(&out);
	arena_fini(&a);
	return 0;
}

static void files_are_written_as_ogx_does(void **state)
{
	struct written written = { 0 };
	struct tree_visitor v = { .file = write_one, .arg = &written };

	(void)state;
	need_corpus();
	check_int("walk", tree_walk(root, &v), 0);
	(void)printf("%zu files, %zu the same\n", written.files, written.same);
	check_true("files", written.files > 300);
	check_int("the same", written.same, written.files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_names_follow),
		cmocka_unit_test(requests_find_their_recordings),
		cmocka_unit_test(files_are_written_as_ogx_does),
		cmocka_unit_test(streams_are_played_as_recorded),
		cmocka_unit_test(all_can_be_kept_in_the_exact_format),
	};

	return cmocka_run_group_tests_name("corpus", tests, find_corpus, NULL);
}
