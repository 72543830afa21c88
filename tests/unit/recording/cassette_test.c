#include "recording/cassette.h"

#include "tests/unit/table.h"

#include "recording/yamljson.h"

#define S(literal) STR_INIT(literal)

static const struct {
	const char *name;
	struct str yaml, want; /* want "": bad */
} rows[] = {
	{ "a map", S("a: 1\nb: [x, '1', true, ~, null, 1.5, 0x1f, 007]\n"),
	  S("{\"a\":1,\"b\":[\"x\",\"1\",true,null,null,\"1.5\",\"0x1f\","
	    "\"007\"]}") },
	{ "nested", S("- a:\n  - b: {c: d}\n- \"\"\n-\n"),
	  S("[{\"a\":[{\"b\":{\"c\":\"d\"}}]},\"\",null]") },
	{ "a block of text", S("a: |-\n  x\n  \"y\"\n"),
	  S("{\"a\":\"x\\n\\\"y\\\"\"}") },
	{ "binary", S("a: !!binary |\n  aGVs\n  bG8=\n"),
	  S("{\"a\":{\"base64_string\":\"aGVsbG8=\"}}") },
	{ "an alias is a copy", S("a: &x [1, 2]\nb: *x\nc: &y z\nd: *y\n"),
	  S("{\"a\":[1,2],\"b\":[1,2],\"c\":\"z\",\"d\":\"z\"}") },
	{ "a number is a key", S("1: 2\n"), S("{\"1\":2}") },
	{ "an alias of nothing", S("a: *x\n"), S("") },
	{ "an alias of itself", S("a: &x [*x]\n"), S("") },
	{ "a list as a key", S("? [a]\n: b\n"), S("") },
	{ "broken", S("a: [\n"), S("") },
	{ "laughs",
	  S("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\n"
	    "c: &c [*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c]\n"),
	  S("") },
};

static void yaml_becomes_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct recording_problem problem = { .text = "" };
		struct buf out;
		int r;

		buf_init(&out, 2000);
		r = yamljson_write(rows[i].yaml, &out, &problem);
		check_int(rows[i].name, r,
			  rows[i].want.len > 0 ? 0 : RECORDING_BAD);
		if (r == 0)
			check_str(rows[i].name, buf_str(&out), rows[i].want);
		else {
			check_true(rows[i].name,
				   str_starts(str_of(problem.text),
					      STR("YAML: ")));
		}
		buf_fini(&out);
	}
}

static void deep_yaml_is_refused(void **state)
{
	struct recording_problem problem;
	char text[400];
	struct buf out;

	(void)state;
	memset(text, '[', sizeof(text));
	buf_init(&out, 2000);
	check_int("deep",
		  yamljson_write((struct str){ text, sizeof(text) }, &out,
				 &problem),
		  RECORDING_BAD);
	buf_fini(&out);
}

#define VCRPY                                                               \
	"interactions:\n- request:\n    body: '{\"model\":\"m\"}'\n"        \
	"    headers:\n      Content-Type: [application/json]\n"            \
	"      Authorization: [Bearer x]\n    method: POST\n"               \
	"    uri: https://api.openai.com/v1/chat/completions?a=b\n"         \
	"  response:\n    body: {string: '{\"id\":1}'}\n    headers:\n"     \
	"      content-type: [application/json]\n"                          \
	"    status: {code: 429, message: Too Many}\n- request: {uri: x}\n" \
	"  response: {}\n"

#define RUBY                                                               \
	"http_interactions:\n- request:\n    method: post\n"               \
	"    uri: http://localhost:11434/api/chat\n"                       \
	"    body: {encoding: UTF-8, string: '{}'}\n  response:\n"         \
	"    status: {code: 200}\n    body:\n      encoding: ASCII-8BIT\n" \
	"      base64_string: |\n        aGVsbG8=\n"                       \
	"  recorded_at: Tue, 01 Nov 2011 04:58:44 GMT\n"

#define HAR                                                                    \
	"{\"log\":{\"entries\":[{\"startedDateTime\":\"2026-01-02T03:04:05Z\"" \
	",\"time\":12.5,\"request\":{\"method\":\"POST\",\"url\":"             \
	"\"https://generativelanguage.googleapis.com/v1/x\",\"headers\":[{"    \
	"\"name\":\"A\",\"value\":\"b\"}],\"postData\":{\"text\":\"q\"}},"     \
	"\"response\":{\"status\":200,\"headers\":[{\"name\":"                 \
	"\"Content-Type\",\"value\":\"text/event-stream\"}],\"content\":{"     \
	"\"encoding\":\"base64\",\"text\":\"ZGF0YTogMQoK\"}}}]}}"

/* "hi" in gzip, as vcrpy writes what it did not decode. */
#define GZIP                                                                      \
	"interactions:\n- request: {method: GET, uri: 'https://a.b/v1/models'}\n" \
	"  response:\n    headers: {content-encoding: [gzip]}\n"                  \
	"    status: {code: 200}\n    body:\n      string: !!binary |\n"          \
	"        H4sIAAAAAAAAA8vIBACsKpPYAgAAAA==\n"

#define GO_VCR                                                \
	"interactions:\n- id: 0\n  request: {body: '', url: " \
	"'https://api.x.ai/v1/embeddings', method: POST}\n"   \
	"  response: {body: ok, status: 200 OK, code: 200}\n"

#define BROTLI                                                                   \
	"interactions:\n- request: {method: GET, uri: 'https://a.b/'}\n"         \
	"  response: {headers: {Content-Encoding: [br]}, status: {code: 200},\n" \
	"    body: {string: !!binary DwA=}}\n"

static const struct {
	const char *name;
	struct str text;
	int r;
	struct str op, upstream, method, path, request, response;
	int status;
} cassettes[] = {
	{ "vcrpy", S(VCRPY), 0, S("chat.completions"), S("openai"), S("POST"),
	  S("/v1/chat/completions?a=b"), S("{\"model\":\"m\"}"),
	  S("{\"id\":1}"), 429 },
	{ "Ruby", S(RUBY), 0, S("raw"), S("localhost"), S("POST"),
	  S("/api/chat"), S("{}"), S("hello"), 200 },
	{ "HAR", S(HAR), 0, S("raw"), S("gemini"), S("POST"), S("/v1/x"),
	  S("q"), S("data: 1\n\n"), 200 },
	{ "gzip", S(GZIP), 0, S("models"), S("a"), S("GET"), S("/v1/models"),
	  S(""), S("hi"), 200 },
	{ "go-vcr", S(GO_VCR), 0, S("embeddings"), S("x"), S("POST"),
	  S("/v1/embeddings"), S(""), S("ok"), 200 },
	{ "brotli", S(BROTLI), RECORDING_BAD },
};

static void cassettes_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cassettes); i++) {
		const char *name = cassettes[i].name;
		struct recording_problem problem;
		struct recording r;
		struct cassette c;
		struct arena a;

		arena_init(&a, 1 << 20);
		check_int(name, cassette_open(cassettes[i].text, &c, &problem),
			  0);
		check_int(name, cassette_next(&c, &a, &r, &problem),
			  cassettes[i].r);
		if (cassettes[i].r == 0) {
			check_str(name, r.op, cassettes[i].op);
			check_str(name, r.request.upstream,
				  cassettes[i].upstream);
			check_str(name, r.request.method, cassettes[i].method);
			check_str(name, r.request.path, cassettes[i].path);
			check_str(name, r.request.body, cassettes[i].request);
			check_str(name, r.response.body, cassettes[i].response);
			check_int(name, r.response.status, cassettes[i].status);
			check_int(name, r.response.marks[0].end,
				  r.response.body.len);
		}
		cassette_close(&c);
		arena_fini(&a);
	}
}

static void a_bad_one_does_not_end_the_rest(void **state)
{
	struct recording_problem problem;
	struct recording r;
	struct cassette c;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("open", cassette_open(STR(VCRPY), &c, &problem), 0);
	check_int("first", cassette_next(&c, &a, &r, &problem), 0);
	check_int("headers", r.request.header_count, 2);
	check_int("second", cassette_next(&c, &a, &r, &problem), RECORDING_BAD);
	check_str("why", str_of(problem.text), STR("a request without a URL"));
	check_int("end", cassette_next(&c, &a, &r, &problem), CASSETTE_END);
	cassette_close(&c);
	check_int("none", cassette_open(STR("{\"a\":1}"), &c, &problem),
		  RECORDING_BAD);
	check_int("torn", cassette_open(STR("{\"a\":"), &c, &problem),
		  RECORDING_BAD);
	check_int("empty", cassette_open(STR(""), &c, &problem), RECORDING_BAD);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_becomes_json),
		cmocka_unit_test(deep_yaml_is_refused),
		cmocka_unit_test(cassettes_are_read),
		cmocka_unit_test(a_bad_one_does_not_end_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
