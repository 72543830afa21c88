#include "telemetry/metrics_text.h"

#include "tests/unit/table.h"

#include <stdio.h>
#include <stdlib.h>

static void a_value_falls_into_its_bucket(void **state)
{
	static const struct {
		const char *name;
		const struct histogram_scale *scale;
		uint64_t value;
		unsigned bucket;
	} rows[] = {
		{ "nothing", &histogram_time, 0, 0 },
		{ "a bound belongs to its bucket", &histogram_time, 1250000,
		  0 },
		{ "just over it", &histogram_time, 1250001, 1 },
		{ "a second", &histogram_time, 1000000000, 10 },
		{ "the last bound", &histogram_time, 163840000000, 17 },
		{ "beyond all", &histogram_time, 163840000001, 18 },
		{ "the largest", &histogram_time, UINT64_MAX, 18 },
		{ "one token", &histogram_tokens, 1, 0 },
		{ "two tokens", &histogram_tokens, 2, 1 },
		{ "four tokens", &histogram_tokens, 4, 1 },
		{ "many tokens", &histogram_tokens, 67108864, 13 },
		{ "too many tokens", &histogram_tokens, 67108865, 14 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct histogram h = { 0 };

		histogram_add(&h, rows[i].scale, rows[i].value);
		check_int(rows[i].name, h.counts[rows[i].bucket], 1);
		check_int(rows[i].name, histogram_total(&h), 1);
		check_int(rows[i].name, h.sum, rows[i].value);
	}
}

static void every_status_has_a_place(void **state)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{ 200, "200" }, { 204, "204" },   { 503, "503" },
		{ 529, "529" }, { 0, "499" },     { 103, "1xx" },
		{ 299, "2xx" }, { 399, "3xx" },   { 418, "4xx" },
		{ 599, "5xx" }, { 600, "other" }, { 99, "other" },
		{ 5, "5xx" },   { -1, "other" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		check_str(rows[i].text,
			  str_of(metrics_code_text(
				  metrics_code(rows[i].status))),
			  str_of(rows[i].text));
	}
	for (int status = 100; status < 1000; status++)
		assert_true(metrics_code(status) < METRICS_CODES);
}

static struct metrics_model *model(struct metrics *m, struct str id)
{
	return metrics_model(m,
			     &(struct metrics_names){ .provider = STR("p"),
						      .operation = STR("chat"),
						      .model = id });
}

/* What a hostile catalog or configuration can make it hold. */
static void the_number_of_series_is_limited(void **state)
{
	struct metrics *m = metrics_new(0), *all = metrics_new(0);
	char name[32];

	(void)state;
	for (int i = 0; i < 3 * METRICS_MODELS_MAX; i++) {
		struct str id;

		(void)snprintf(name, sizeof(name), "m%d", i);
		id = str_of(name);
		counter_add(&model(m, id)->tokens[METRICS_PROMPT], 1);
		counter_add(&metrics_provider(m, id)->attempts, 1);
	}
	assert_int_equal(m->model_count, METRICS_MODELS_MAX + 1);
	assert_int_equal(m->provider_count, METRICS_PROVIDERS_MAX + 1);
	assert_int_equal(model(m, STR("m0"))->tokens[METRICS_PROMPT], 1);
	assert_int_equal(model(m, STR("new"))->tokens[METRICS_PROMPT],
			 2 * METRICS_MODELS_MAX);
	check_str("overflow", model(m, STR("new"))->model, METRICS_OTHER);
	metrics_merge(all, m);
	metrics_merge(all, m);
	assert_int_equal(all->model_count, METRICS_MODELS_MAX + 1);
	assert_int_equal(model(all, STR("m1"))->tokens[METRICS_PROMPT], 2);
	metrics_free(all);
	metrics_free(m);
}

static void a_long_name_is_cut(void **state)
{
	struct metrics *m = metrics_new(0);
	char name[1000];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(
		model(m, (struct str){ name, sizeof(name) })->model.len, 256);
	metrics_free(m);
}

static void the_text_is_exact(void **state)
{
	static const struct prometheus_label labels[] = {
		{ "a", STR_INIT("x\"\\\ny") }, { "b", STR_INIT("") }
	};
	static const struct histogram_scale scale = { 1, 2, 2, 1 };
	struct histogram h = { .counts = { 1, 0, 3 }, .sum = 1000 };
	struct buf out;
	struct prometheus p = { .out = &out };

	(void)state;
	buf_init(&out, 4096);
	prometheus_family(&p, "n_total", "counter", "Some help.");
	prometheus_value(&p, labels, 2, UINT64_MAX);
	prometheus_value(&p, NULL, 0, 0);
	prometheus_family(&p, "h", "histogram", "More.");
	prometheus_histogram(&p, labels + 1, 1, &scale, &h);
	prometheus_histogram(&p, NULL, 0, &scale, &h);
	prometheus_family(&p, "d", "gauge", "Double.");
	prometheus_double(&p, 0.1);
	assert_int_equal(prometheus_done(&p), 0);
	check_str("text", buf_str(&out),
		  STR("# HELP n_total Some help.\n# TYPE n_total counter\n"
		      "n_total{a=\"x\\\"\\\\\\ny\",b=\"\"} "
		      "18446744073709551615\n"
		      "n_total 0\n"
		      "# HELP h More.\n# TYPE h histogram\n"
		      "h_bucket{b=\"\",le=\"1\"} 1\n"
		      "h_bucket{b=\"\",le=\"4\"} 1\n"
		      "h_bucket{b=\"\",le=\"+Inf\"} 4\n"
		      "h_sum{b=\"\"} 1000\nh_count{b=\"\"} 4\n"
		      "h_bucket{le=\"1\"} 1\nh_bucket{le=\"4\"} 1\n"
		      "h_bucket{le=\"+Inf\"} 4\nh_sum 1000\nh_count 4\n"
		      "# HELP d Double.\n# TYPE d gauge\nd 0.1\n"));
	buf_fini(&out);
}

static void a_full_buffer_is_an_error(void **state)
{
	struct metrics *m = metrics_new(0);
	struct buf out;
	struct prometheus p = { .out = &out };

	(void)state;
	buf_init(&out, 100);
	metrics_text(&p, m, NULL);
	assert_true(prometheus_done(&p) < 0);
	buf_fini(&out);
	metrics_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_falls_into_its_bucket),
		cmocka_unit_test(every_status_has_a_place),
		cmocka_unit_test(the_number_of_series_is_limited),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(the_text_is_exact),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
