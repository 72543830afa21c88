#include "telemetry/otlp.h"

#include "telemetry/genai.h"
#include "telemetry/mailbox.h"
#include "tests/unit/table.h"

#include <pthread.h>
#include <stdlib.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

static void a_span_is_exact(void **state)
{
	static const struct otlp_resource resource = { STR_INIT("s\"1"),
						       STR_INIT("i") };
	struct trace_context own;
	struct json_writer w;
	struct buf out;

	(void)state;
	assert_true(trace_parse(STR("00-" TRACE "-" SPAN "-01"), &own));
	buf_init(&out, 4096);
	json_writer_init(&w, &out);
	otlp_begin(&w, &resource, OTLP_SPANS);
	otlp_span(&w, &(struct otlp_span){ .own = &own,
					   .parent = STR("00000000000000ff"),
					   .state = STR("a=1"),
					   .kind = OTLP_CLIENT,
					   .name = STR("chat \"m\""),
					   .start_ns = INT64_MAX - 1,
					   .end_ns = INT64_MAX });
	otlp_attr_str(&w, STR("k"), STR("a\n"));
	otlp_attr_int(&w, STR("n"), INT64_MIN);
	otlp_span_end(&w, OTLP_ERROR, STR("why"));
	otlp_span(&w, &(struct otlp_span){ .own = &own,
					   .kind = OTLP_SERVER,
					   .name = STR("GET") });
	otlp_span_end(&w, OTLP_UNSET, STR_NULL);
	otlp_end(&w);
	assert_int_equal(json_writer_done(&w), 0);
	check_str(
		"message", buf_str(&out),
		STR("{\"resourceSpans\":[{\"resource\":{\"attributes\":["
		    "{\"key\":\"service.name\",\"value\":{\"stringValue\":"
		    "\"s\\\"1\"}},"
		    "{\"key\":\"service.instance.id\",\"value\":{"
		    "\"stringValue\":\"i\"}},"
		    "{\"key\":\"service.version\",\"value\":{\"stringValue\":"
		    "\"" QUIPU_VERSION "\"}}]},"
		    "\"scopeSpans\":[{\"scope\":{\"name\":\"quipu\","
		    "\"version\":\"" QUIPU_VERSION "\"},\"spans\":["
		    "{\"traceId\":\"" TRACE "\",\"spanId\":\"" SPAN "\","
		    "\"parentSpanId\":\"00000000000000ff\","
		    "\"traceState\":\"a=1\",\"name\":\"chat \\\"m\\\"\","
		    "\"kind\":3,\"startTimeUnixNano\":\"9223372036854775806\","
		    "\"endTimeUnixNano\":\"9223372036854775807\","
		    "\"attributes\":[{\"key\":\"k\",\"value\":{"
		    "\"stringValue\":\"a\\n\"}},{\"key\":\"n\",\"value\":{"
		    "\"intValue\":\"-9223372036854775808\"}}],"
		    "\"status\":{\"code\":2,\"message\":\"why\"}},"
		    "{\"traceId\":\"" TRACE "\",\"spanId\":\"" SPAN "\","
		    "\"name\":\"GET\",\"kind\":2,\"startTimeUnixNano\":\"0\","
		    "\"endTimeUnixNano\":\"0\",\"attributes\":[],"
		    "\"status\":{}}]}]}]}"));
	buf_fini(&out);
}

static void providers_have_their_usual_names(void **state)
{
	static const struct {
		const char *type;
		struct str want;
	} rows[] = {
		{ "remote::openai", STR_INIT("openai") },
		{ "remote::azure", STR_INIT("azure.ai.openai") },
		{ "remote::bedrock", STR_INIT("aws.bedrock") },
		{ "remote::vllm", STR_INIT("vllm") },
		{ "inline::echo", STR_INIT("echo") },
		{ "bare", STR_INIT("bare") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		check_str(rows[i].type, genai_provider(str_of(rows[i].type)),
			  rows[i].want);
	}
	check_str("chat", genai_operation(LLM_CHAT), STR("chat"));
}

static struct mailbox_text *make_text(size_t n)
{
	struct mailbox_text *m = xmalloc(sizeof(*m));

	m->len = n;
	return m;
}

static void a_full_box_drops_and_counts(void **state)
{
	struct mailbox *box = xcalloc(1, sizeof(*box));
	struct mailbox_text *m;

	(void)state;
	assert_null(mailbox_take(box));
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < MAILBOX_MAX; i++)
			assert_true(mailbox_put(box, make_text(i)));
		m = make_text(0);
		assert_false(mailbox_put(box, m));
		free(m);
		assert_int_equal(box->dropped, round + 1);
		assert_int_equal(mailbox_len(box), MAILBOX_MAX);
		for (size_t i = 0; i < MAILBOX_MAX; i++) {
			m = mailbox_take(box);
			assert_int_equal(m->len, i);
			free(m);
		}
		assert_null(mailbox_take(box));
	}
	assert_true(mailbox_put(box, make_text(1)));
	mailbox_fini(box);
	free(box);
}

enum {
	PASSED = 200000
};

static void *put_all(void *arg)
{
	for (size_t i = 0; i < PASSED;) {
		struct mailbox_text *m = make_text(i);

		if (mailbox_put(arg, m))
			i++;
		else
			free(m);
	}
	return NULL;
}

static void texts_cross_threads_in_order(void **state)
{
	struct mailbox *box = xcalloc(1, sizeof(*box));
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_all, box), 0);
	for (size_t i = 0; i < PASSED;) {
		struct mailbox_text *m = mailbox_take(box);

		if (m == NULL)
			continue;
		assert_int_equal(m->len, i);
		free(m);
		i++;
	}
	(void)pthread_join(thread, NULL);
	mailbox_fini(box);
	free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_is_exact),
		cmocka_unit_test(providers_have_their_usual_names),
		cmocka_unit_test(a_full_box_drops_and_counts),
		cmocka_unit_test(texts_cross_threads_in_order),
	};

	return cmocka_run_group_tests_name("otlp", tests, NULL, NULL);
}
