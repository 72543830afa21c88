#include "base/clock.h"
#include "provider/grants.h"

/* Somebody else renews the files: look again after this time. */
#define FILE_LIFE_NS (60 * CLOCK_S)

enum {
	USER,
	FINGERPRINT,
	TENANCY,
	KEY_FILE,
	PASS_PHRASE,
	TOKEN_FILE,
	KEY_COUNT,
};

static const struct str keys[KEY_COUNT] = {
	[USER] = STR_INIT("user"),
	[FINGERPRINT] = STR_INIT("fingerprint"),
	[TENANCY] = STR_INIT("tenancy"),
	[KEY_FILE] = STR_INIT("key_file"),
	[PASS_PHRASE] = STR_INIT("pass_phrase"),
	[TOKEN_FILE] = STR_INIT("security_token_file"),
};

static void read_line(struct str line, struct str out[KEY_COUNT])
{
	struct str key, value;

	(void)str_cut(line, '=', &key, &value);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (str_eq_nocase(str_trim(key), keys[i]))
			out[i] = str_trim(value);
	}
}

/* The section of a profile; returns whether there is one. */
static bool read_profile(struct str text, struct str profile,
			 struct str out[KEY_COUNT])
{
	bool inside = false, seen = false;
	struct str line;

	while (text.len > 0) {
		(void)str_cut(text, '\n', &line, &text);
		line = str_trim(line);
		if (line.len > 1 && line.ptr[0] == '[') {
			inside = str_eq(str_trim((struct str){ line.ptr + 1,
							       line.len - 2 }),
					profile);
			seen = seen || inside;
		} else if (inside && line.len > 0 && line.ptr[0] != '#' &&
			   line.ptr[0] != ';') {
			read_line(line, out);
		}
	}
	return seen;
}

/* "~/x" is below the home directory, which is the grant's third argument. */
static struct str expand(const struct grant_run *run, struct str path)
{
	if (!str_starts(path, STR("~/")) || run->grant->args[2].len == 0)
		return path;
	return arena_printf(run->arena, STR_FMT STR_FMT,
			    STR_ARG(run->grant->args[2]),
			    STR_ARG(str_drop(path, 1)));
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '"')
			return false;
	}
	return s.len > 0;
}

/* notes: the key's id, its pass phrase, the token's file, the key. */
static int read_config(struct grant_run *run, struct str text,
		       struct grant_step *step, struct api_error *e)
{
	struct str found[KEY_COUNT] = { STR_NULL };
	struct str profile = run->grant->args[1];

	if (!read_profile(text, profile, found)) {
		return grant_fail(run, e, 500,
				  "no profile '" STR_FMT "' in " STR_FMT,
				  STR_ARG(profile),
				  STR_ARG(run->grant->args[0]));
	}
	if (found[KEY_FILE].len == 0) {
		return grant_fail(run, e, 500,
				  "profile '" STR_FMT "' has no key_file",
				  STR_ARG(profile));
	}
	run->notes[0] =
		arena_printf(run->arena, STR_FMT "/" STR_FMT "/" STR_FMT,
			     STR_ARG(found[TENANCY]), STR_ARG(found[USER]),
			     STR_ARG(found[FINGERPRINT]));
	run->notes[1] = found[PASS_PHRASE];
	run->notes[2] = expand(run, found[TOKEN_FILE]);
	if (run->notes[2].len == 0 &&
	    (found[USER].len == 0 || found[TENANCY].len == 0 ||
	     found[FINGERPRINT].len == 0)) {
		return grant_fail(run, e, 500,
				  "profile '" STR_FMT "' needs user, tenancy "
				  "and fingerprint",
				  STR_ARG(profile));
	}
	grant_file(expand(run, found[KEY_FILE]), step);
	return GRANT_ASK;
}

static int finish(struct grant_run *run, struct grant_token *token,
		  struct api_error *e)
{
	if (!is_plain(run->notes[0])) {
		return grant_fail(run, e, 500,
				  "the key's id has bytes that cannot be in a "
				  "header");
	}
	token->values[0] = run->notes[0];
	token->values[1] = run->notes[3];
	token->values[2] = run->notes[1];
	token->expires_ns = run->wall_ns + FILE_LIFE_NS;
	return 0;
}

/* docs.oracle.com/iaas/Content/API/Concepts/sdkconfig.htm */
static int next(struct grant_run *run, const struct grant_answer *answer,
		struct grant_step *step, struct grant_token *token,
		struct api_error *e)
{
	if (answer == NULL) {
		grant_file(run->grant->args[0], step);
		return GRANT_ASK;
	}
	if (answer->status != 200) {
		return grant_fail(run, e, 500, STR_FMT " cannot be read",
				  STR_ARG(step->path));
	}
	if (run->at == 1)
		return read_config(run, answer->body, step, e);
	if (run->at == 3) {
		run->notes[0] = arena_printf(run->arena, "ST$" STR_FMT,
					     STR_ARG(str_trim(answer->body)));
		return finish(run, token, e);
	}
	run->notes[3] = answer->body;
	if (run->notes[2].len == 0)
		return finish(run, token, e);
	grant_file(run->notes[2], step);
	return GRANT_ASK;
}

const struct grant_type grant_oci = { .name = "OCI configuration",
				      .is_file = true,
				      .next = next };
