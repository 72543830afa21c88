#include "llm/image.h"

#include "tests/unit/table.h"

static void images_elsewhere_are_found(void **state)
{
	static const struct {
		const char *name, *body, *want;
	} cases[] = {
		{ "none", "{\"messages\":[{\"content\":\"http://a\"}]}", "" },
		{ "no list", "{\"messages\":{}}", "" },
		{ "no object", "[]", "" },
		{ "both forms, any case",
		  "{\"messages\":[{\"content\":\"x\"},{\"content\":[{\"type\":"
		  "\"text\",\"text\":\"http://a\"},{\"type\":\"image_url\","
		  "\"image_url\":{\"url\":\"HTTPS://a\"}},{\"type\":"
		  "\"image_url\",\"image_url\":\"http://b\"}]}]}",
		  "messages[1].content[1].image_url.url "
		  "messages[1].content[2].image_url " },
		{ "data stays",
		  "{\"messages\":[{\"content\":[{\"type\":\"image_url\","
		  "\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]}]}",
		  "" },
		{ "other types",
		  "{\"messages\":[{\"content\":[{\"type\":\"image_url\","
		  "\"image_url\":{\"url\":7}},{\"type\":\"image_url\"},"
		  "{\"type\":\"file\",\"image_url\":\"http://b\"},5,null]}]}",
		  "" },
		{ "more than there is room for",
		  "{\"messages\":[{\"content\":[{\"type\":\"image_url\","
		  "\"image_url\":\"http:\"},{\"type\":\"image_url\","
		  "\"image_url\":\"http:\"},{\"type\":\"image_url\","
		  "\"image_url\":\"http:\"}]}]}",
		  "messages[0].content[0].image_url "
		  "messages[0].content[1].image_url +1" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct image_ref refs[2];
		struct str got = STR_NULL;
		struct json_error bad;
		struct json doc;
		size_t n;

		assert_int_equal(json_parse(str_of(cases[i].body), NULL, &doc,
					    &bad),
				 0);
		n = image_find(&doc, refs, countof(refs));
		for (size_t j = 0; j < n && j < countof(refs); j++) {
			got = arena_printf(&a, STR_FMT STR_FMT " ",
					   STR_ARG(got),
					   STR_ARG(image_path(&refs[j], &a)));
		}
		if (n > countof(refs)) {
			got = arena_printf(&a, STR_FMT "+%zu", STR_ARG(got),
					   n - countof(refs));
		}
		check_str(cases[i].name, got, str_of(cases[i].want));
		json_fini(&doc);
	}
	arena_fini(&a);
}

static void bytes_tell_what_an_image_is(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		const char *want;
	} cases[] = {
		{ "PNG", STR_INIT("\x89PNG\r\n\x1a\n..."), "image/png" },
		{ "JPEG", STR_INIT("\xff\xd8\xff\xe0"), "image/jpeg" },
		{ "GIF", STR_INIT("GIF87a"), "image/gif" },
		{ "WebP", STR_INIT("RIFF\0\0\0\0WEBP"), "image/webp" },
		{ "RIFF of another kind", STR_INIT("RIFF\0\0\0\0WAVE"), "" },
		{ "half a RIFF", STR_INIT("RIFF\0\0"), "" },
		{ "half a PNG", STR_INIT("\x89PNG\r\n"), "" },
		{ "a page", STR_INIT("<html>"), "" },
		{ "nothing", STR_INIT(""), "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		check_str(cases[i].name, image_type(cases[i].bytes),
			  str_of(cases[i].want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_elsewhere_are_found),
		cmocka_unit_test(bytes_tell_what_an_image_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
