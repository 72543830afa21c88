#include "tests/unit/store/server.h"

#include "tests/unit/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

static FILE *to, *from;
static char answer[4096], words[4096];
static char folder[200], port[16];
static unsigned databases;

static void read_answer(void)
{
	size_t len;

	if (fgets(answer, sizeof(answer), from) == NULL)
		fail_msg("postgres.py has ended");
	len = strlen(answer);
	if (len > 0 && answer[len - 1] == '\n')
		answer[len - 1] = 0;
}

static void become_server(int in, int out)
{
	const char *source = getenv("QUIPU_SOURCE");
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/tests/e2e/postgres.py",
		       source != NULL ? source : ".");
	(void)setsid();
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	(void)execlp("python3", "python3", path, (char *)NULL);
	_exit(127);
}

static void spawn(void)
{
	int down[2], up[2];

	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	if (fork() == 0)
		become_server(down[0], up[1]);
	(void)close(down[0]);
	(void)close(up[1]);
	to = fdopen(down[1], "w");
	from = fdopen(up[0], "r");
	assert_true(to != NULL && from != NULL);
}

bool server_start(const char **out_why)
{
	struct str line, word, rest;

	if (to == NULL) {
		spawn();
		read_answer();
	}
	line = str_of(answer);
	if (port[0] == 0 && str_cut(line, ' ', &word, &line) &&
	    str_eq(word, STR("ok")) && str_cut(line, ' ', &word, &rest)) {
		(void)snprintf(folder, sizeof(folder), STR_FMT, STR_ARG(word));
		(void)snprintf(port, sizeof(port), STR_FMT, STR_ARG(rest));
	}
	*out_why = answer;
	return port[0] != 0;
}

static void tell(const char *line)
{
	(void)fprintf(to, "%s\n", line);
	(void)fflush(to);
	read_answer();
	if (!str_starts(str_of(answer), STR("ok")))
		fail_msg("%s: %s", line, answer);
}

void server_order(const char *order)
{
	tell(order);
}

void server_uri(char *out, size_t size, const char *name, const char *password)
{
	(void)snprintf(out, size, "postgres://quipu:%s@127.0.0.1:%s/%s",
		       password != NULL ? password : "pg-s3cret%2Fp%40ss", port,
		       name);
}

void server_database(char *out, size_t size)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "test%u", ++databases);
	(void)snprintf(words, sizeof(words), "database %s", name);
	tell(words);
	server_uri(out, size, name, NULL);
}

const char *server_sql(const char *sql)
{
	(void)snprintf(words, sizeof(words), "sql test%u %s", databases, sql);
	tell(words);
	return strlen(answer) > 3 ? answer + 3 : "";
}
