/*
 * load - the load generator: a crowd of connections, or one at a time.
 *
 *	bench_load crowd --connections 64 --seconds 5 nginx=127.0.0.1:8080
 *	bench_load latency --requests 5000 direct=127.0.0.1:9000 \
 *		quipu=127.0.0.1:8321
 */
#include "bench/load.h"

#include "bench/tool.h"

#include <stdio.h>

struct flag {
	const char *name;
	int64_t *number; /* one of the two */
	const char **text;
	int64_t min, max;
};

static void must_add(int r)
{
	if (r < 0)
		tool_die("the request is over %d bytes", LOAD_REQUEST_MAX);
}

static void add_filler(struct buf *out, size_t len)
{
	static const struct str words =
		STR_INIT("The cords of a quipu hold knots that tell numbers. ");

	while (len > 0) {
		struct str part = str_take(words, len);

		must_add(buf_add(out, part));
		len -= part.len;
	}
}

/* What steers the mock stands first, since it reads only the beginning. */
static void add_body(const struct load_options *o, struct buf *out)
{
	static const struct str chat =
		STR_INIT("\"temperature\":0.7,\"max_tokens\":512,"
			 "\"messages\":[{\"role\":\"system\","
			 "\"content\":\"You are a helpful assistant.\""
			 "},{\"role\":\"user\",\"content\":\"");
	static const struct str response =
		STR_INIT("\"temperature\":0.7,\"max_output_tokens\":512,"
			 "\"instructions\":\"You are a helpful assistant.\","
			 "\"input\":[{\"role\":\"user\",\"content\":\"");
	struct str end = STR("\"}]}");
	size_t start = out->len, size = (size_t)o->body_bytes, used;

	must_add(buf_printf(out, "{\"model\":\"%s\",", o->model));
	if (o->stream)
		must_add(buf_add(out, STR("\"stream\":true,")));
	if (o->stream && !o->responses) {
		must_add(buf_add(out, STR("\"stream_options\":{"
					  "\"include_usage\":true},")));
	}
	if (o->user != NULL)
		must_add(buf_printf(out, "\"user\":\"%s\",", o->user));
	must_add(buf_add(out, o->responses ? response : chat));
	used = out->len - start + end.len;
	add_filler(out, used < size ? size - used : 0);
	must_add(buf_add(out, end));
}

void load_request(const struct load_options *o, struct buf *out)
{
	struct buf body;

	buf_init(&body, LOAD_REQUEST_MAX);
	add_body(o, &body);
	must_add(buf_printf(out,
			    "POST /v1/%s HTTP/1.1\r\n"
			    "Host: 127.0.0.1\r\n"
			    "Accept: application/json\r\n"
			    "Content-Type: application/json\r\n"
			    "User-Agent: OpenAI/Python 1.99.0\r\n"
			    "X-Stainless-Lang: python\r\n"
			    "X-Stainless-Runtime: CPython\r\n"
			    "Authorization: Bearer %s\r\n"
			    "Content-Length: %zu\r\n"
			    "\r\n",
			    o->responses ? "responses" : "chat/completions",
			    o->key, body.len));
	must_add(buf_add(out, buf_str(&body)));
	buf_fini(&body);
}

int64_t load_cpu_ns(const struct load_options *o)
{
	int64_t sum = 0;

	for (size_t i = 0; i < o->pid_count; i++)
		sum += tool_cpu_ns(o->pids[i]);
	return sum;
}

static void add_target(struct load_options *o, const char *text)
{
	struct load_target *t = &o->targets[o->target_count];
	const char *mark = strchr(text, '=');

	if (mark == NULL || o->target_count == LOAD_TARGETS_MAX) {
		tool_die("\"%s\": up to %d targets NAME=ADDRESS:PORT", text,
			 LOAD_TARGETS_MAX);
	}
	t->name = (struct str){ text, (size_t)(mark - text) };
	t->address = tool_addr(mark + 1);
	o->target_count++;
}

static void add_pid(struct load_options *o, const char *text)
{
	if (o->pid_count == LOAD_PIDS_MAX)
		tool_die("up to %d --pid", LOAD_PIDS_MAX);
	o->pids[o->pid_count++] = (int)tool_int("--pid", text, 1, 1 << 22);
}

static bool take_flag(struct load_options *o, const char *name,
		      const char *value)
{
	const struct flag flags[] = {
		{ "--model", .text = &o->model },
		{ "--key", .text = &o->key },
		{ "--user", .text = &o->user },
		{ "--connections", &o->connections, .min = 1, .max = 100000 },
		{ "--ramp", &o->ramp, .min = 1, .max = 4096 },
		{ "--requests", &o->requests, .max = 1000000000 },
		{ "--seconds", &o->seconds, .min = 1, .max = 3600 },
		{ "--warmup", &o->warmup_s, .max = 3600 },
		{ "--body-bytes", &o->body_bytes, .max = LOAD_REQUEST_MAX / 2 },
		{ "--block", &o->block, .min = 1, .max = 1000000 },
	};

	if (strcmp(name, "--pid") == 0) {
		add_pid(o, value);
		return true;
	}
	for (size_t i = 0; i < countof(flags); i++) {
		const struct flag *f = &flags[i];

		if (strcmp(name, f->name) != 0)
			continue;
		if (f->text != NULL) {
			*f->text = value;
		} else {
			*f->number = tool_int(name, value, f->min, f->max);
		}
		return true;
	}
	return false;
}

static void read_options(struct load_options *o, int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (argv[i][0] != '-') {
			add_target(o, argv[i]);
		} else if (strcmp(argv[i], "--stream") == 0) {
			o->stream = true;
		} else if (strcmp(argv[i], "--responses") == 0) {
			o->responses = true;
		} else if (strcmp(argv[i], "--once") == 0) {
			o->once = true;
		} else if (i + 1 < argc && take_flag(o, argv[i], argv[i + 1])) {
			i++;
		} else {
			tool_die("%s: unknown option, or its value is missing",
				 argv[i]);
		}
	}
	if (o->target_count == 0)
		tool_die("no target");
}

int main(int argc, char **argv)
{
	struct load_options o = {
		.model = "openai/gpt-4o",
		.key = "sk-bench",
		.connections = 1,
		.ramp = 256,
		.seconds = 5,
		.body_bytes = 1024,
		.block = 50,
	};
	const char *mode = argc > 1 ? argv[1] : "";

	read_options(&o, argc, argv);
	tool_raise_files();
	if (strcmp(mode, "crowd") == 0) {
		load_crowd_run(&o);
	} else if (strcmp(mode, "latency") == 0) {
		load_latency_run(&o);
	} else {
		tool_die("usage: bench_load crowd|latency [options] "
			 "NAME=ADDRESS:PORT...; see bench/README.md");
	}
	return 0;
}
