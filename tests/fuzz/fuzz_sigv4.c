/*
 * Any bytes as "path\nquery\nheader value\nbody" of a request to sign, and as a
 * credentials file: what is signed keeps its form, and forms are final.
 */
#include "provider/aws_credentials.h"
#include "provider/sigv4.h"
#include "provider/sigv4_path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool good)
{
	if (!good)
		abort();
}

static bool is_encoded(struct str text, const char *more)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');

		if (!plain && (c == '\0' || strchr("-._~%", c) == NULL) &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

static void check_path(struct str path, struct arena *a)
{
	struct str once = sigv4_path_canonical(path, false, a);

	check(str_starts(once, STR("/")) && is_encoded(once, "/"));
	check(str_find(once, STR("//")) == once.len);
	check(str_find(once, STR("/./")) == once.len);
	check(str_find(once, STR("/../")) == once.len);
	check(!str_ends(once, STR("/..")) && !str_ends(once, STR("/.")));
}

static void check_query(struct str query, struct arena *a)
{
	struct str once, twice;

	if (sigv4_path_query(query, SIGV4_QUERY_MAX, a, &once) != 0)
		return;
	check(is_encoded(once, "&="));
	check(sigv4_path_query(once, SIGV4_QUERY_MAX, a, &twice) == 0);
	check(str_eq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len };
	struct aws_credentials keys;
	struct sigv4 signer = { .access_key = STR("id"),
				.secret_key = STR("secret"),
				.region = STR("us-east-1"),
				.service = STR("service") };
	struct sigv4_header headers[] = { { STR("Host"), STR("h") },
					  { STR("X-Any"), STR_NULL } };
	struct str body;
	struct sigv4_request req = { .method = STR("POST"),
				     .headers = headers,
				     .header_count = countof(headers),
				     .pieces = &body,
				     .piece_count = 1 };
	struct sigv4_result result;
	struct arena a;

	if (aws_credentials_parse(text, STR("default"), &keys) == 0)
		check(keys.access_key.len > 0 && keys.secret_key.len > 0);
	(void)str_cut(text, '\n', &req.path, &text);
	(void)str_cut(text, '\n', &req.query, &text);
	(void)str_cut(text, '\n', &headers[1].value, &body);

	arena_init(&a, SIZE_MAX);
	check_path(req.path, &a);
	check_query(req.query, &a);
	if (sigv4_sign(&signer, &req, &a, &result) == 0) {
		check(str_eq(result.date, STR("19700101T000000Z")));
		check(str_starts(result.authorization,
				 STR("AWS4-HMAC-SHA256 Credential=id/19700101/"
				     "us-east-1/service/aws4_request, "
				     "SignedHeaders=host;x-amz-date;x-any, "
				     "Signature=")));
	}
	arena_fini(&a);
	return 0;
}
