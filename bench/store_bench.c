/*
 * store_bench [DIR [ROWS [URI]]] - what the store does on this disk.
 *
 * Writes ROWS completions (1,000,000) of 1.4 KB into a new database in DIR (/tmp),
 * from two threads, and reads them; once with each commit forced to the disk,
 * and a tenth of them without.  The database is removed at the end.  With a URI
 * of PostgreSQL it is that database, which must be empty, with each commit as the
 * server makes it; bench/store.py starts one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rand.h"
#include "store/store.h"

enum {
	PRODUCERS = 2,
	READS = 1000,
	SYNCS = 200,
	ARENA = 16 << 20,
};

struct part {
	struct store *s;
	unsigned producer;
	unsigned first, end;
};

static void must(int r, const char *what)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "store_bench: %s: %d " STR_FMT "\n", what, r,
		      STR_ARG(err_text()));
	exit(1);
}

static int64_t far(void)
{
	return clock_monotonic() + 600 * CLOCK_S;
}

/* Ids are as random as a provider's. */
static struct str id_of(unsigned n, char out[32])
{
	uint64_t mixed = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
	int len = snprintf(out, 32, "chatcmpl-%016llx",
			   (unsigned long long)mixed);

	return (struct str){ out, (size_t)len };
}

static void *write_part(void *arg)
{
	static char request[1000], choices[400];
	const struct part *p = arg;
	char id[32];

	for (unsigned n = p->first; n < p->end; n++) {
		struct store_completion c = {
			.id = id_of(n, id),
			.created = 1700000000 + n / 1000,
			.model_asked =
				n % 10 == 0 ? STR("rare") : STR("gpt-4o"),
			.model_served = STR("gpt-4o-2024-08-06"),
			.provider = STR("openai"),
			.request = { request, sizeof(request) },
			.choices = { choices, sizeof(choices) },
			.usage = STR("{\"total_tokens\":7}"),
			.metadata = STR("{\"k\":\"v\"}"),
		};

		must(store_put_wait(p->s, p->producer, &c, far()), "put");
	}
	return NULL;
}

static struct store *open_at(const char *path, enum store_sync sync)
{
	char uri[256];
	struct store *s;
	int len = snprintf(uri, sizeof(uri), "%s%s",
			   path[0] == '/' ? "sqlite:" : "", path);

	must(store_open(&(struct store_cfg){ .uri = { uri, (size_t)len },
					     .producers = PRODUCERS,
					     .sync = sync },
			&s),
	     "open");
	return s;
}

static double cpu_seconds(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static void write_rows(struct store *s, unsigned rows, const char *name)
{
	int64_t begin = clock_monotonic();
	double cpu = cpu_seconds(), seconds;
	unsigned half = rows / 2;
	pthread_t threads[PRODUCERS];
	struct part parts[PRODUCERS];
	struct store_counts counts;

	for (unsigned i = 0; i < PRODUCERS; i++) {
		parts[i] = (struct part){ s, i, half * i, half * (i + 1) };
		pthread_create(&threads[i], NULL, write_part, &parts[i]);
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	must(store_flush(s, far()), "flush");
	seconds = (double)(clock_monotonic() - begin) / (double)CLOCK_S;
	store_counts(s, &counts);
	printf("%-28s %8.0f completions/s  (%u rows, %.1f s, %llu groups, "
	       "%.1f us CPU each)\n",
	       name, rows / seconds, rows, seconds,
	       (unsigned long long)counts.groups,
	       (cpu_seconds() - cpu) / rows * 1e6);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *name, int64_t *ns, size_t count)
{
	int64_t median, p99;

	qsort(ns, count, sizeof(*ns), by_size);
	median = ns[count / 2];
	p99 = ns[count * 99 / 100];
	printf("%-28s %8.3f ms median, %.3f ms p99\n", name,
	       (double)median * 1e-6, (double)p99 * 1e-6);
}

static void time_lists(struct store *s, const struct store_query *q,
		       const char *name)
{
	static int64_t ns[READS];
	struct store_page page;
	struct arena a;

	arena_init(&a, ARENA);
	for (size_t i = 0; i < READS; i++) {
		int64_t begin = clock_monotonic();

		must(store_list(s, q, &a, &page), "list");
		ns[i] = clock_monotonic() - begin;
		must(page.count == q->limit ? 0 : 1, "the page is not full");
		arena_reset(&a);
	}
	arena_fini(&a);
	print_times(name, ns, READS);
}

static void time_gets(struct store *s, unsigned rows)
{
	static int64_t ns[READS];
	struct store_completion c;
	struct arena a;
	char id[32];

	arena_init(&a, ARENA);
	for (size_t i = 0; i < READS; i++) {
		struct str any = id_of((unsigned)rand_below(rows), id);
		int64_t begin = clock_monotonic();

		must(store_get(s, STR(""), any, &a, &c), "get");
		ns[i] = clock_monotonic() - begin;
		arena_reset(&a);
	}
	arena_fini(&a);
	print_times("any one by its id", ns, READS);
}

/* The limit of a store that waits for the disk: 700 KB, and fdatasync(). */
static void time_disk(const char *path)
{
	static char group[500 * 1400];
	static int64_t ns[SYNCS];
	int64_t median;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd < 0 ? 1 : 0, path);
	for (size_t i = 0; i < SYNCS; i++) {
		int64_t begin = clock_monotonic();

		if (write(fd, group, sizeof(group)) != sizeof(group) ||
		    fdatasync(fd) != 0)
			must(1, path);
		ns[i] = clock_monotonic() - begin;
	}
	(void)close(fd);
	(void)unlink(path);
	print_times("disk: 500 rows and a sync", ns, SYNCS);
	median = ns[SYNCS / 2];
	printf("%-28s %8.0f completions/s\n", "disk: its limit",
	       500e9 / (double)median);
}

static void print_memory(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	printf("%-28s %8.1f MB\n", "memory at most",
	       (double)u.ru_maxrss / 1024);
}

static void fill_and_read(struct store *s, unsigned rows)
{
	write_rows(s, rows, "each group on the disk");
	time_lists(s,
		   &(struct store_query){ .limit = 20, .newest_first = true },
		   "the last 20");
	time_lists(s,
		   &(struct store_query){ .limit = 20,
					  .newest_first = true,
					  .model = STR("rare") },
		   "the last 20 of a model");
	time_gets(s, rows);
	print_memory();
	(void)store_close(s, far());
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/tmp";
	int64_t rows = 1000000;
	char path[200];
	struct store *s;

	if (argc > 2 && !str_to_i64(str_of(argv[2]), 1000, 100000000, &rows))
		must(1, "ROWS");
	(void)snprintf(path, sizeof(path), "%s/store_bench.%d", dir,
		       (int)getpid());
	time_disk(path);
	if (argc > 3) {
		fill_and_read(open_at(argv[3], STORE_SYNC_FULL),
			      (unsigned)rows);
		return 0;
	}
	s = open_at(path, STORE_SYNC_NORMAL);
	write_rows(s, (unsigned)rows / 10, "without waiting for the disk");
	(void)store_close(s, far());
	(void)unlink(path);
	fill_and_read(open_at(path, STORE_SYNC_FULL), (unsigned)rows);
	(void)unlink(path);
	return 0;
}
