#include "base/clock.h"
#include "base/err.h"
#include "provider/sigv4.h"
#include "provider/sigv4_path.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdio.h>

/* 2015-08-30 12:36:00 UTC, as in all of AWS's published vectors. */
#define WHEN (INT64_C(1440938160) * CLOCK_S)

#define TOKEN                                                                 \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW" \
	"LWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGd" \
	"QrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU" \
	"9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz" \
	"+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

#define UNRESERVED \
	"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

struct vector {
	const char *name;
	const char *method, *path, *query;
	const char *headers[8]; /* name, value, ...; host is always there */
	const char *body;
	const char *token;
	bool token_after;
	const char *signed_headers;
	const char *signature;
};

static const struct vector vectors[] = {
	{ "get-vanilla",
	  "GET",
	  "/",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "an empty path is the root",
	  "GET",
	  "",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "post-vanilla",
	  "POST",
	  "/",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-vanilla-query-order-key-case",
	  "GET",
	  "/",
	  "Param2=value2&Param1=value1",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-vanilla-empty-query-key",
	  "GET",
	  "/",
	  "Param1=value1",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ "get-vanilla-query-unreserved",
	  "GET",
	  "/",
	  UNRESERVED "=" UNRESERVED,
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
	{ "get-vanilla-utf8-query",
	  "GET",
	  "/",
	  "\xe1\x88\xb4=bar",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
	{ "get-unreserved",
	  "GET",
	  "/" UNRESERVED,
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ "get-utf8",
	  "GET",
	  "/\xe1\x88\xb4",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-space",
	  "GET",
	  "/example space/",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
	{ "get-header-key-duplicate",
	  "GET",
	  "/",
	  "",
	  { "My-Header1", "value2", "My-Header1", "value2", "My-Header1",
	    "value1" },
	  "",
	  "",
	  false,
	  "host;my-header1;x-amz-date",
	  "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ "get-header-value-order",
	  "GET",
	  "/",
	  "",
	  { "My-Header1", "value4", "My-Header1", "value1", "My-Header1",
	    "value3,value2" },
	  "",
	  "",
	  false,
	  "host;my-header1;x-amz-date",
	  "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
	{ "get-header-value-trim",
	  "GET",
	  "/",
	  "",
	  { "My-Header1", " value1", "My-Header2", " \"a   b   c\"" },
	  "",
	  "",
	  false,
	  "host;my-header1;my-header2;x-amz-date",
	  "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "post-header-key-sort",
	  "POST",
	  "/",
	  "",
	  { "My-Header1", "value1" },
	  "",
	  "",
	  false,
	  "host;my-header1;x-amz-date",
	  "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
	{ "post-header-value-case",
	  "POST",
	  "/",
	  "",
	  { "My-Header1", "VALUE1" },
	  "",
	  "",
	  false,
	  "host;my-header1;x-amz-date",
	  "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },
	{ "post-vanilla-query",
	  "POST",
	  "/",
	  "Param1=value1",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
	{ "post-x-www-form-urlencoded",
	  "POST",
	  "/",
	  "",
	  { "Content-Type", "application/x-www-form-urlencoded" },
	  "Param1=value1",
	  "",
	  false,
	  "content-type;host;x-amz-date",
	  "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "post-sts-header-before",
	  "POST",
	  "/",
	  "",
	  { 0 },
	  "",
	  TOKEN,
	  false,
	  "host;x-amz-date;x-amz-security-token",
	  "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead" },
	{ "post-sts-header-after",
	  "POST",
	  "/",
	  "",
	  { 0 },
	  "",
	  TOKEN,
	  true,
	  "host;x-amz-date",
	  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-relative",
	  "GET",
	  "/example/..",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-relative-relative",
	  "GET",
	  "/example1/example2/../..",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slash",
	  "GET",
	  "//",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slash-dot-slash",
	  "GET",
	  "/./",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slashes",
	  "GET",
	  "//example//",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
	{ "get-slash-pointless-dot",
	  "GET",
	  "/./example",
	  "",
	  { 0 },
	  "",
	  "",
	  false,
	  "host;x-amz-date",
	  "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },
	/* Not of the suite: what botocore signs for the same bytes. */
	{ "a model id with an escaped colon is encoded twice",
	  "POST",
	  "/model/us.anthropic.claude-3-5-sonnet-20240620-v1%3A0/invoke",
	  "",
	  { "Content-Type", "application/json" },
	  "{}",
	  "",
	  false,
	  "content-type;host;x-amz-date",
	  "0e45bbb20304cbb2113508051ab3be2e542115b69474d115eb46a254fa8d6718" },
};

static size_t headers_of(const struct vector *v, struct sigv4_header *out)
{
	size_t n = 0;

	out[n++] = (struct sigv4_header){ STR("Host"),
					  STR("example.amazonaws.com") };
	for (size_t i = 0; i < countof(v->headers) && v->headers[i] != NULL;
	     i += 2) {
		out[n++] = (struct sigv4_header){ str_of(v->headers[i]),
						  str_of(v->headers[i + 1]) };
	}
	return n;
}

static struct str sign(const struct vector *v, const struct str *pieces,
		       size_t piece_count, struct arena *a)
{
	struct sigv4 signer = {
		.access_key = STR("AKIDEXAMPLE"),
		.secret_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
		.token = str_of(v->token),
		.region = STR("us-east-1"),
		.service = STR("service"),
		.wall_ns = WHEN + 999999999,
		.token_unsigned = v->token_after,
	};
	struct sigv4_header headers[8];
	struct sigv4_request req = {
		.method = str_of(v->method),
		.path = str_of(v->path),
		.query = str_of(v->query),
		.headers = headers,
		.header_count = headers_of(v, headers),
		.pieces = pieces,
		.piece_count = piece_count,
	};
	struct sigv4_result result;

	assert_int_equal(sigv4_sign(&signer, &req, a, &result), 0);
	check_str(v->name, result.date, STR("20150830T123600Z"));
	return result.authorization;
}

static void signs_as_published(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct str body = str_of(v->body);

		check_str(
			v->name, sign(v, &body, 1, &a),
			arena_printf(&a,
				     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE"
				     "/20150830/us-east-1/service/aws4_request"
				     ", SignedHeaders=%s, Signature=%s",
				     v->signed_headers, v->signature));
		arena_reset(&a);
	}
	arena_fini(&a);
}

static void a_body_in_pieces_signs_as_the_whole(void **state)
{
	static const struct vector v = {
		.name = "pieces",
		.method = "POST",
		.path = "/",
		.query = "",
		.token = "",
	};
	static const struct str body = STR_INIT("{\"model\":\"x\"}");
	struct arena a;
	struct str whole;

	(void)state;
	arena_init(&a, 1 << 20);
	whole = sign(&v, &body, 1, &a);
	for (size_t i = 0; i <= body.len; i++) {
		struct str pieces[] = { str_take(body, i), STR_NULL,
					str_drop(body, i) };

		check_str("split", sign(&v, pieces, countof(pieces), &a),
			  whole);
	}
	assert_false(str_eq(sign(&v, &body, 0, &a), whole));
	arena_fini(&a);
}

static void canonical_paths_and_queries(void **state)
{
	static const struct {
		const char *name, *path, *want;
	} paths[] = {
		{ "nothing is the root", "", "/" },
		{ "a slash at the end stays", "/a/", "/a/" },
		{ "no slash is added", "/a", "/a" },
		{ "dots above the root stop there", "/../../a", "/a" },
		{ "a dot at the end leaves its slash", "/a/.", "/a/" },
		{ "names that begin with dots stay", "/.a/..b", "/.a/..b" },
		{ "an escape is escaped", "/v1%3A0", "/v1%253A0" },
		{ "a bare colon is escaped once", "/v1:0", "/v1%3A0" },
	};
	static const struct {
		const char *name, *query, *want;
	} queries[] = {
		{ "nothing", "", "" },
		{ "no value gets its sign", "a", "a=" },
		{ "equal names go by value", "a=2&a=1", "a=1&a=2" },
		{ "escapes are not doubled", "a=%2f", "a=%2F" },
		{ "a bad escape stands for itself", "a=%zz", "a=%25zz" },
		{ "empty parts go", "&a=1&&", "a=1" },
		{ "a second equals sign is data", "a=b=c", "a=b%3Dc" },
		{ "a plus is data", "a=+", "a=%2B" },
	};
	struct arena a;
	struct str got;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(paths); i++) {
		check_str(paths[i].name,
			  sigv4_path_canonical(str_of(paths[i].path), false,
					       &a),
			  str_of(paths[i].want));
	}
	check_str("kept", sigv4_path_canonical(STR("//a/../b"), true, &a),
		  STR("//a/../b"));
	for (size_t i = 0; i < countof(queries); i++) {
		assert_int_equal(sigv4_path_query(str_of(queries[i].query), 8,
						  &a, &got),
				 0);
		check_str(queries[i].name, got, str_of(queries[i].want));
	}
	assert_int_equal(sigv4_path_query(STR("a&b&c"), 2, &a, &got), -E2BIG);
	arena_fini(&a);
}

static void too_many_headers_are_refused(void **state)
{
	struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
	struct sigv4 signer = { .region = STR("r"), .service = STR("s") };
	struct sigv4_request req = { .method = STR("GET"), .headers = headers };
	struct sigv4_result result;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(headers); i++)
		headers[i] = (struct sigv4_header){ STR("x"), STR("y") };
	req.header_count = SIGV4_HEADERS_MAX;
	assert_int_equal(sigv4_sign(&signer, &req, &a, &result), 0);
	req.header_count = SIGV4_HEADERS_MAX + 1;
	assert_int_equal(sigv4_sign(&signer, &req, &a, &result), -E2BIG);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_as_published),
		cmocka_unit_test(a_body_in_pieces_signs_as_the_whole),
		cmocka_unit_test(canonical_paths_and_queries),
		cmocka_unit_test(too_many_headers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
