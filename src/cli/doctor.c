#include "cli/doctor.h"

#include "base/log.h"
#include "cli/cluster.h"
#include "cli/doctor_impl.h"
#include "cli/load.h"
#include "json/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EXIT_USAGE = 2,
	TEXT_MAX = 2048,
	JSON_MAX = 4 << 20,
};

static const char usage[] =
	"usage: quipu doctor [FILE|NAME] [--offline] [--json] [flags of serve]\n"
	"\n"
	"Looks at what quipu serve would need with the same arguments, and says\n"
	"for each thing whether it is right, and if not, what to do in one line.\n"
	"Run it as the user and with the environment of the server.\n"
	"\n"
	"  config      the configuration loads, providers can be made of it\n"
	"  limits      open files and memory, for server.max_connections\n"
	"  kernel      the sandbox can be had (server.sandbox)\n"
	"  clock       it is set, and kept right\n"
	"  port        the server can listen on it\n"
	"  files       keys are readable by their owner only; recordings\n"
	"  certificate not expired, a chain, and its key\n"
	"  store       SQLite opens (read only); PostgreSQL answers\n"
	"  provider    name, connection, TLS and key, by GET /models, which\n"
	"              costs nothing\n"
	"\n"
	"  --offline   asks nobody: no provider, no database server\n"
	"  --json      {\"ok\":false,\"findings\":[{\"level\":\"bad\",...}]}\n"
	"\n"
	"  quipu doctor\n"
	"  quipu doctor /etc/quipu/quipu.yaml --offline\n"
	"\n"
	"Exit status: 0 nothing is wrong, 1 something is, 2 bad usage.\n";

static const char *const levels[] = { "ok", "warn", "bad" };

void doctor_note(struct doctor *d, enum doctor_level level, const char *area,
		 const char *fix, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int n;

	d->bad += level == DOCTOR_BAD;
	if (d->count == DOCTOR_FINDINGS_MAX)
		return;
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0)
		n = 0;
	d->found[d->count++] = (struct doctor_finding){
		.level = level,
		.area = area,
		.fix = fix,
		.text = arena_str(&d->arena,
				  str_take((struct str){ text,
							 sizeof(text) - 1 },
					   (size_t)n)),
	};
}

/* One finding for each line. */
static void note_lines(struct doctor *d, enum doctor_level level,
		       const char *fix, struct str lines)
{
	struct str line;

	while (lines.len > 0) {
		(void)str_cut(lines, '\n', &line, &lines);
		if (line.len > 0)
			doctor_note(d, level, "config", fix, STR_FMT,
				    STR_ARG(line));
	}
}

static bool load(struct doctor *d, char **argv, char **environment,
		 struct config **out)
{
	struct buf messages;
	int r;

	buf_init(&messages, LOAD_MESSAGES_MAX);
	r = load_config(argv, environment, out, &messages);
	note_lines(d, r < 0 ? DOCTOR_BAD : DOCTOR_WARN,
		   "see docs/configuration.md, and quipu config show",
		   buf_str(&messages));
	buf_clear(&messages);
	if (r == 0) {
		load_secrets(*out);
		r = cluster_check(*out, (*out)->environment, &messages);
		note_lines(d, DOCTOR_BAD, "quipu serve would not start",
			   buf_str(&messages));
		if (r == 0)
			doctor_note(d, DOCTOR_OK, "config", NULL, "loads");
		r = 0;
	}
	buf_fini(&messages);
	return r == 0;
}

static void print_text(const struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->found[i];

		(void)printf("%-4s  %-11s  " STR_FMT "\n", levels[f->level],
			     f->area, STR_ARG(f->text));
		if (f->fix != NULL && f->level != DOCTOR_OK)
			(void)printf("      %-11s  -> %s\n", "", f->fix);
	}
	if (d->bad == 0)
		(void)puts("\nNothing is wrong.");
	else
		(void)printf("\n%zu thing%s wrong.\n", d->bad,
			     d->bad == 1 ? " is" : "s are");
}

static void print_json(const struct doctor *d)
{
	struct json_writer w;
	struct buf out;

	buf_init(&out, JSON_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_bool(&w, STR("ok"), d->bad == 0);
	json_member(&w, STR("findings"));
	json_array(&w);
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->found[i];

		json_object(&w);
		json_member_str(&w, STR("level"), str_of(levels[f->level]));
		json_member_str(&w, STR("area"), str_of(f->area));
		json_member_str(&w, STR("text"), f->text);
		if (f->fix != NULL && f->level != DOCTOR_OK)
			json_member_str(&w, STR("fix"), str_of(f->fix));
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		(void)printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
	buf_fini(&out);
}

/* Is the flag in argv?  It is taken out. */
static bool take_flag(char **argv, const char *flag)
{
	bool found = false;
	char **to = argv;

	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, flag) == 0)
			found = true;
		else
			*to++ = *argv;
	}
	*to = NULL;
	return found;
}

int cli_doctor(char **argv, char **environment)
{
	struct doctor *d = xcalloc(1, sizeof(*d));
	struct config *config = NULL;
	bool json = take_flag(argv, "--json");
	int status;

	if (take_flag(argv, "--help") || take_flag(argv, "-h")) {
		(void)fputs(usage, stdout);
		free(d);
		return 0;
	}
	arena_init(&d->arena, 16 << 20);
	d->offline = take_flag(argv, "--offline");
	if (load(d, argv, environment, &config)) {
		d->config = config;
		doctor_machine(d);
		doctor_files(d);
		if (!d->offline)
			doctor_providers(d, config);
	}
	if (json)
		print_json(d);
	else
		print_text(d);
	status = d->bad == 0 ? 0 : 1;
	config_unref(config);
	arena_fini(&d->arena);
	free(d);
	return status;
}
