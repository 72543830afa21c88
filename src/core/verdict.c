#include "core/verdict.h"

#include "core/session.h"

_Static_assert((int)VERDICT_UNUSED == (int)SESSION_NOTES, "the same order");

/* A list, and how many there are. */
static const struct {
	struct str list, total;
} names[] = {
	[VERDICT_SERVED] = { STR_INIT("served"), STR_INIT("served_total") },
	[VERDICT_MISSED] = { STR_INIT("missed"), STR_INIT("missed_total") },
	[VERDICT_EXHAUSTED] = { STR_INIT("exhausted"),
				STR_INIT("exhausted_total") },
	[VERDICT_EDITED] = { STR_INIT("edited"), STR_INIT("edited_total") },
	[VERDICT_STALE] = { STR_INIT("stale"), STR_INIT("stale_total") },
	[VERDICT_RECORDED] = { STR_INIT("recorded"),
			       STR_INIT("recorded_total") },
	[VERDICT_LOST] = { STR_INIT("lost"), STR_INIT("lost_total") },
	[VERDICT_VERIFIED] = { STR_INIT("verified"),
			       STR_INIT("verified_total") },
	[VERDICT_DIFFERS] = { STR_INIT("differs"), STR_INIT("differs_total") },
	[VERDICT_LIVE] = { STR_INIT("live"), STR_INIT("live_total") },
	[VERDICT_UNUSED] = { STR_INIT("unused"), STR_INIT("unused_total") },
	[VERDICT_REMOVED] = { STR_INIT("removed"), STR_INIT("removed_total") },
};

static bool has(const struct verdict *v, size_t part)
{
	return v->parts[part].total > 0;
}

int verdict_code(const struct verdict *v)
{
	if (has(v, VERDICT_MISSED) || has(v, VERDICT_EXHAUSTED) ||
	    has(v, VERDICT_LOST))
		return 1;
	if (v->strict && has(v, VERDICT_UNUSED))
		return 2;
	if (v->strict && (has(v, VERDICT_EDITED) || has(v, VERDICT_STALE)))
		return 3;
	return has(v, VERDICT_DIFFERS) ? 4 : 0;
}

const char *verdict_word(int code)
{
	static const char *const words[] = { "ok", "unmatched", "unused",
					     "stale", "drift" };

	return words[code];
}

struct str verdict_part_name(size_t part)
{
	return names[part].list;
}

void verdict_write(const struct verdict *v, struct json_writer *w)
{
	int code = verdict_code(v);

	json_object(w);
	json_member_str(w, STR("object"), STR("replay.session"));
	json_member_str(w, STR("id"), v->session);
	json_member_str(w, STR("folder"), v->folder);
	json_member_str(w, STR("status"),
			v->is_over ? STR("finished") : STR("running"));
	json_member_str(w, STR("mode"), str_of(edge_mode_name(v->mode)));
	json_member_bool(w, STR("strict"), v->strict);
	json_member_bool(w, STR("ok"), code == 0);
	json_member_str(w, STR("verdict"), str_of(verdict_word(code)));
	for (size_t i = 0; i < VERDICT_PARTS; i++) {
		const struct verdict_part *part = &v->parts[i];

		json_member(w, names[i].list);
		json_array(w);
		for (size_t j = 0; j < part->count; j++)
			json_add_str(w, part->texts[j]);
		json_end(w);
		json_member_int(w, names[i].total, (int64_t)part->total);
	}
	json_end(w);
}
