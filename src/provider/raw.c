#include "provider/raw.h"

void raw_start(const struct provider_raw *raw, struct str base,
	       struct str query, struct arena *a, struct provider_call *out)
{
	bool both = query.len > 0 && raw->query.len > 0;
	bool any = query.len > 0 || raw->query.len > 0;
	struct str path = arena_join(a, (struct str[]){ base, raw->path }, 2);

	if (path.len == 0)
		path = STR("/");
	out->method = raw->method;
	out->target =
		arena_join(a,
			   (struct str[]){ path, any ? STR("?") : STR_NULL,
					   query, both ? STR("&") : STR_NULL,
					   raw->query },
			   5);
	out->body_len = raw->body.len;
	out->pieces[0] = raw->body;
	out->piece_count = raw->body.len > 0 ? 1 : 0;
}

struct str raw_header(const struct provider_raw *raw, struct str name)
{
	for (size_t i = 0; i < raw->header_count; i++) {
		if (str_eq_nocase(raw->headers[i].name, name))
			return raw->headers[i].value;
	}
	return STR_NULL;
}
