/*
 * replay_bench - how fast a folder of recordings is opened and looked into.
 *
 *	replay_bench EMPTY-FOLDER [RECORDINGS]
 *
 * Makes 10,000 recordings of streams, with requests of 1 KB, in the folder, opens
 * it as the server does, and looks requests up: the key of a request and whose
 * turn it is, but not the file.  Prints JSON lines.  Look-ups are measured in the
 * processor's time: a busy machine does not show.
 */
#include "base/clock.h"
#include "core/library_impl.h"
#include "recording/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	RECORDINGS = 10000,
	PER_SESSION = 100,
	EVENTS = 30,
	REQUEST_BYTES = 1024,
	LOOKUPS = 20000,
	TEXT_MAX = 16 * 1024,
};

static void die(const char *what)
{
	(void)fprintf(stderr, "replay_bench: %s\n", what);
	exit(1);
}

static struct str request_body(int n, char out[TEXT_MAX])
{
	int len = snprintf(out, TEXT_MAX,
			   "{\"model\":\"gpt-4o\",\"stream\":true,"
			   "\"temperature\":0.7,\"messages\":[{\"role\":"
			   "\"system\",\"content\":\"You are terse.\"},"
			   "{\"role\":\"user\",\"content\":\"question %d ",
			   n);

	for (; len < REQUEST_BYTES - 4; len++)
		out[len] = "the quick brown fox "[len % 20];
	len += snprintf(out + len, TEXT_MAX - (size_t)len, "\"}]}");
	return (struct str){ out, (size_t)len };
}

static size_t events(int n, char *out, struct recording_mark *marks)
{
	size_t len = 0;

	for (int i = 0; i < EVENTS; i++) {
		len += (size_t)snprintf(
			out + len, TEXT_MAX - len,
			"data: {\"id\":\"chatcmpl-%d\",\"object\":"
			"\"chat.completion.chunk\",\"created\":1754000000,"
			"\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,"
			"\"delta\":{\"content\":\" word%d\"},"
			"\"finish_reason\":null}]}\n\n",
			n, i);
		marks[i] = (struct recording_mark){ .end = len, .ms = 20 };
	}
	return len;
}

static struct recording recording_of(struct str body)
{
	return (struct recording){
		.op = STR("chat.completions"),
		.occ = 1,
		.request = { .method = STR("POST"),
			     .path = STR("/v1/chat/completions"),
			     .upstream = STR("openai"),
			     .body = body },
	};
}

static void make(int root, int n)
{
	struct http_header type = { .name = STR("content-type"),
				    .value = STR("text/event-stream") };
	const struct file_options options = { 0 };
	struct recording_mark marks[EVENTS];
	static char text[TEXT_MAX], answer[TEXT_MAX];
	struct recording r = recording_of(request_body(n, text));
	char folder[64], name[64];
	int dir;

	(void)snprintf(folder, sizeof(folder), "s%d", n / PER_SESSION);
	(void)snprintf(name, sizeof(name), "%02d-chat.json", n % PER_SESSION);
	r.response = (struct recording_response){
		.status = 200,
		.headers = &type,
		.header_count = 1,
		.framing = RECORDING_SSE,
		.body = { answer, events(n, answer, marks) },
		.marks = marks,
		.mark_count = EVENTS,
	};
	dir = file_open_dir(root, folder, true);
	if (dir < 0 || file_save_exact(dir, name, &r, &options) < 0)
		die("cannot write recordings");
	(void)close(dir);
}

static int64_t thread_time(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

static long resident_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		die("no /proc");
	(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct library *open_folder(const char *dir, int n)
{
	struct library_cfg cfg = { .dir = str_of(dir), .mode = EDGE_REPLAY };
	long before = resident_kb();
	int64_t begin = clock_monotonic(), cpu = thread_time();
	struct library *l;
	struct buf messages;

	buf_init(&messages, 1 << 20);
	if (library_open(&cfg, &l, &messages) != 0 ||
	    library_count(l) != (size_t)n)
		die("cannot open the folder");
	buf_fini(&messages);
	printf("{\"recordings\":%d,\"index_ms\":%.0f,\"index_cpu_ms\":%.0f,"
	       "\"index_mb\":%.1f}\n",
	       n, (double)(clock_monotonic() - begin) / CLOCK_MS,
	       (double)(thread_time() - cpu) / CLOCK_MS,
	       (double)(resident_kb() - before) / 1024);
	return l;
}

static void look_up(struct library *l, int n)
{
	static char text[TEXT_MAX];
	struct recording_request req = recording_of(STR_NULL).request;
	const struct library_query q = {
		.op = STR("chat.completions"),
		.base_url = STR("https://api.openai.com/v1"),
		.request = &req,
	};
	int64_t took = 0;

	for (int i = 0; i < LOOKUPS; i++) {
		int at = (int)((long)i * 7919 % n);
		struct index_query iq = { .on_exhausted = INDEX_LAST };
		struct library_keys keys;
		struct index_hit hit;
		char session[64];
		int64_t begin;

		(void)snprintf(session, sizeof(session), "s%d",
			       at / PER_SESSION);
		req.body = request_body(at, text);
		iq.session = str_of(session);
		begin = thread_time();
		library_keys(&q, &keys);
		iq.key_count = keys.count;
		for (size_t k = 0; k < keys.count; k++)
			iq.keys[k] =
				(struct str){ keys.text[k], RECORDING_KEY_LEN };
		if (index_take(l->index, &iq, &hit) != 0)
			die("a recording was not found");
		took += thread_time() - begin;
	}
	printf("{\"lookups\":%d,\"lookup_us\":%.2f}\n", LOOKUPS,
	       (double)took / LOOKUPS / CLOCK_US);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "";
	int64_t n = RECORDINGS;
	struct library *l;
	int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 ||
	    (argc > 2 && !str_to_i64(str_of(argv[2]), 1, 1000000, &n)))
		die("usage: replay_bench EMPTY-FOLDER [RECORDINGS]");
	for (int i = 0; i < n; i++)
		make(root, i);
	(void)close(root);
	l = open_folder(dir, (int)n);
	look_up(l, (int)n);
	library_close(l);
	return 0;
}
