#include "recording/secret.h"

#include "tests/unit/table.h"

#include <stdio.h>

#define S(literal) STR_INIT(literal)

/* Made up here; in two parts, so that no scanner takes them for real. */
#define OPENAI \
	"sk-"  \
	"proj-a1b2c3d4e5f6g7h8"
#define AWS    \
	"AKIA" \
	"ABCDEFGH12345678"
#define AWS_SECRET               \
	"wJalrXUtnFEMI/K7MDENG/" \
	"bPxRfiCYEXAMPLEKEY"
#define GOOGLE \
	"AIza" \
	"SyA1234567890abcdefghijklmnopqrstuv"
#define GITHUB \
	"ghp_" \
	"abcdefghijklmnopqrstuvwxyz0123456789"
#define JWT   \
	"eyJ" \
	"hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xx.c2lnbmF0dXJl"

static const struct {
	const char *name;
	struct str text, want; /* want "": nothing is found */
} texts[] = {
	{ "an API key", S("my key is " OPENAI "."),
	  S("my key is sk-*********************.") },
	{ "AWS's id", S("id " AWS), S("id AKIA****************") },
	{ "AWS's secret beside its id",
	  S("{\"a\":\"" AWS "\",\"b\":\"" AWS_SECRET "\"}"),
	  S("{\"a\":\"AKIA****************\",\"b\":\""
	    "****************************************\"}") },
	{ "forty characters alone are a sum", S("x " AWS_SECRET), S("") },
	{ "a Google key", S("?key=" GOOGLE),
	  S("?key=AIza***********************************") },
	{ "a GitHub token", S(GITHUB),
	  S("ghp_************************************") },
	{ "a bearer token", S("Authorization: Bearer abcdef0123456789.~"),
	  S("Authorization: Bearer ******************") },
	{ "a JWT", S("(" JWT ")"),
	  S("(eyJ************************************************)") },
	{ "a named secret", S("{\"api_key\": \"abcdefgh\", \"x\": 1}"),
	  S("{\"api_key\": \"********\", \"x\": 1}") },
	{ "a named secret in JSON in JSON",
	  S("{\\\"password\\\":\\\"hunter22\\\"}"),
	  S("{\\\"password\\\":\\\"********\\\"}") },
	{ "a form", S("a=1&client_secret=abcdefghi&b=2"),
	  S("a=1&client_secret=*********&b=2") },
	{ "a private key",
	  S("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE "
	    "KEY-----"),
	  S("-----BEGIN RSA PRIVATE KEY-----******-----END RSA PRIVATE "
	    "KEY-----") },
	{ "two of them", S(OPENAI " " OPENAI),
	  S("sk-********************* sk-*********************") },
	{ "words are no keys",
	  S("sk-learn-is-a-nice-library task-0123456789"
	    "0123456789 Bearer of bad news, password: x"),
	  S("") },
	{ "what was redacted stays", S("sk-********************* Bearer ****"),
	  S("") },
	{ "a short one", S("sk-1234"), S("") },
	{ "nothing", S(""), S("") },
};

static void secrets_are_overwritten(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct buf out;
		size_t n;

		buf_init(&out, 4096);
		n = secret_redact_text(texts[i].text, &out);
		check_int(texts[i].name, n > 0, texts[i].want.len > 0);
		check_str(texts[i].name, buf_str(&out), texts[i].want);
		buf_fini(&out);
	}
}

/* What was found, as one text. */
static void note(void *arg, const struct secret_find *find)
{
	int r = buf_printf(arg, "%s: %s%s; ", find->where, find->kind,
			   find->split ? ", split" : "");

	assert_int_equal(r, 0);
}

#define CHUNK(index, text)                      \
	"data: {\"choices\":[{\"index\":" index \
	",\"delta\":{\"content\":\"" text "\"}}]}\n\n"

static const struct {
	const char *name;
	enum recording_framing framing;
	struct str body, want;
	const char *found;
} bodies[] = {
	{ "over three deltas, between those of another choice", RECORDING_SSE,
	  S(CHUNK("0", "it is s") CHUNK("1", "no k") CHUNK("0", "k-a1b2c3d4")
		    CHUNK("1", "ey") CHUNK("0", "e5f6g7h8i9 ok")),
	  S(CHUNK("0", "it is s") CHUNK("1", "no k") CHUNK("0", "k-********")
		    CHUNK("1", "ey") CHUNK("0", "********** ok")),
	  "response.body: an API key, split; " },
	{ "with an escape in it", RECORDING_SSE,
	  S(CHUNK("0", "s\\u006b-a1b2c3d4") CHUNK("0", "e5f6g7h8i9")),
	  S(CHUNK("0", "****************") CHUNK("0", "**********")),
	  "response.body: an API key, split; " },
	{ "in the arguments of a tool", RECORDING_SSE,
	  S("event: d\ndata: {\"delta\":{\"partial_json\":\"" AWS "\"}}\n\n"),
	  S("event: d\ndata: {\"delta\":{\"partial_json\":"
	    "\"AKIA****************\"}}\n\n"),
	  "response.body: an AWS key id; " },
	{ "in base64", RECORDING_WHOLE,
	  /* {"k":"sk-..."} */
	  S("{\"b\":\"eyJrIjoic2stcHJvai1hMWIyYzNkNGU1ZjZnN2g4In0=\"}"),
	  S("{\"b\":\"*******************************************=\"}"),
	  "response.body: an API key; " },
	{ "a configured key", RECORDING_WHOLE, S("{\"a\":\"my-own-key-1\"}"),
	  S("{\"a\":\"************\"}"), "response.body: a configured key; " },
	{ "a configured key over two lines", RECORDING_NDJSON,
	  S("{\"a\":\"my-own\"}\n{\"a\":\"-key-1!\"}\n"),
	  S("{\"a\":\"******\"}\n{\"a\":\"******!\"}\n"),
	  "response.body: a configured key, split; " },
	{ "no secret", RECORDING_SSE, S(CHUNK("0", "sk-") CHUNK("0", "learn")),
	  S(CHUNK("0", "sk-") CHUNK("0", "learn")), "" },
};

static void bodies_are_cleaned(void **state)
{
	static const struct str known[] = { S("my-own-key-1"), S("short") };

	(void)state;
	for (size_t i = 0; i < countof(bodies); i++) {
		struct recording r = {
			.response = { .framing = bodies[i].framing,
				      .body = bodies[i].body },
		};
		struct buf found;
		struct secret_job job = { .policy = SECRET_REPORT,
					  .known = { known, 2 },
					  .say = note,
					  .arg = &found };
		struct arena a;
		size_t n;

		arena_init(&a, 1 << 20);
		buf_init(&found, 4096);
		n = secret_clean(&r, &a, &job);
		check_str(bodies[i].name, buf_str(&found),
			  str_of(bodies[i].found));
		check_str(bodies[i].name, r.response.body, bodies[i].body);
		check_true(bodies[i].name, !r.redacted);

		job.policy = SECRET_REDACT;
		job.say = NULL;
		check_int(bodies[i].name, secret_clean(&r, &a, &job), n);
		check_str(bodies[i].name, r.response.body, bodies[i].want);
		check_int(bodies[i].name, r.redacted, n > 0);
		check_int(bodies[i].name, secret_clean(&r, &a, &job), 0);
		buf_fini(&found);
		arena_fini(&a);
	}
}

static void all_parts_are_looked_at(void **state)
{
	struct http_header request = { .name = STR("accept"),
				       .value = STR(OPENAI) };
	struct http_header response = { .name = STR("x-request-id"),
					.value = STR(GITHUB) };
	struct recording r = {
		.request = { .path = STR("/v1/x?key=" GOOGLE),
			     .headers = &request,
			     .header_count = 1,
			     .body = STR("{\"a\":\"" JWT "\"}") },
		.response = { .headers = &response, .header_count = 1 },
	};
	struct buf found;
	struct secret_job job = { .policy = SECRET_REDACT,
				  .say = note,
				  .arg = &found };
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&found, 4096);
	check_int("found", secret_clean(&r, &a, &job), 4);
	check_str("where", buf_str(&found),
		  STR("request.path: a Google API key; request.headers: an API "
		      "key; request.body: a JWT; response.headers: a GitHub "
		      "token; "));
	check_str("path", r.request.path,
		  STR("/v1/x?key=AIza***********************************"));
	buf_fini(&found);
	arena_fini(&a);
}

static void headers_are_kept_by_name(void **state)
{
	struct http_header headers[] = {
		{ .name = STR("Authorization"), .value = STR("x") },
		{ .name = STR("Content-Type"), .value = STR("a/b") },
		{ .name = STR("Set-Cookie"), .value = STR("x") },
		{ .name = STR("x-ratelimit-remaining"), .value = STR("1") },
		{ .name = STR("x-api-key"), .value = STR("x") },
	};
	struct http_header *kept;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("request",
		  secret_keep_headers(headers, countof(headers), SECRET_REQUEST,
				      &a, &kept),
		  1);
	check_str("request", kept[0].value, STR("a/b"));
	check_int("response",
		  secret_keep_headers(headers, countof(headers),
				      SECRET_RESPONSE, &a, &kept),
		  2);
	check_str("response", kept[1].name, STR("x-ratelimit-remaining"));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_overwritten),
		cmocka_unit_test(bodies_are_cleaned),
		cmocka_unit_test(all_parts_are_looked_at),
		cmocka_unit_test(headers_are_kept_by_name),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
