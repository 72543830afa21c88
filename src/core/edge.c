#include "core/edge.h"

static const char *const modes[] = {
	[EDGE_OFF] = "off",       [EDGE_RECORD] = "record",
	[EDGE_AUTO] = "auto",     [EDGE_REPLAY] = "replay",
	[EDGE_SPY] = "spy",       [EDGE_REFRESH] = "refresh",
	[EDGE_VERIFY] = "verify",
};

/* OGX's names for two of them. */
static const struct {
	struct str name;
	enum edge_mode mode;
} aliases[] = {
	{ STR_INIT("live"), EDGE_OFF },
	{ STR_INIT("record-if-missing"), EDGE_AUTO },
};

bool edge_mode_parse(struct str text, enum edge_mode *out)
{
	for (size_t i = 0; i < countof(modes); i++) {
		if (str_eq(text, str_of(modes[i]))) {
			*out = (enum edge_mode)i;
			return true;
		}
	}
	for (size_t i = 0; i < countof(aliases); i++) {
		if (str_eq(text, aliases[i].name)) {
			*out = aliases[i].mode;
			return true;
		}
	}
	return false;
}

const char *edge_mode_name(enum edge_mode mode)
{
	return modes[mode];
}

const char *edge_status_name(enum edge_status status)
{
	static const char *const names[] = {
		[EDGE_NONE] = "none",           [EDGE_HIT] = "hit",
		[EDGE_MISS] = "miss",           [EDGE_RECORDED] = "recorded",
		[EDGE_LIVE] = "live",           [EDGE_STALE] = "stale",
		[EDGE_EXHAUSTED] = "exhausted", [EDGE_EDITED] = "edited",
		[EDGE_VERIFIED] = "verified",   [EDGE_DIFFERS] = "differs",
	};

	return names[status];
}

bool edge_looks_up(const struct edge *e)
{
	return e->mode != EDGE_OFF && e->mode != EDGE_RECORD && !e->skip;
}

bool edge_keeps(const struct edge *e)
{
	return !e->skip && (e->mode == EDGE_RECORD || e->mode == EDGE_AUTO ||
			    e->mode == EDGE_REFRESH);
}

bool edge_plays(const struct edge *e)
{
	if (e->mode == EDGE_REFRESH)
		return e->status != EDGE_STALE && e->status != EDGE_EDITED;
	return e->mode != EDGE_VERIFY;
}

bool edge_is_played(const struct edge *e)
{
	return e != NULL && (e->status == EDGE_HIT || e->status == EDGE_STALE ||
			     e->status == EDGE_EDITED);
}

bool edge_is_recorded(const struct edge *e)
{
	return e != NULL && e->status == EDGE_RECORDED;
}
