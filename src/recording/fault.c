#include "recording/fault.h"

#include "base/clock.h"

enum {
	TEXT_MAX = 1024,
	NUMBER_MAX = 1 << 30,
};

static const struct {
	const char *name;
	enum fault_kind kind;
	bool has_place; /* "@event:K", and "@byte:B" where bytes make sense */
	bool has_byte;
	bool has_arg;
} kinds[] = {
	{ "cut", FAULT_CUT, true, true, false },
	{ "rst", FAULT_RESET, true, true, false },
	{ "stall", FAULT_STALL, true, true, true },
	{ "inject", FAULT_INJECT, true, false, true },
	{ "garble", FAULT_GARBLE, true, false, false },
	{ "dup", FAULT_DUP, true, false, false },
	{ "drop-terminal", FAULT_DROP_TERMINAL, false, false, false },
};

bool fault_duration(struct str text, int64_t *out_ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {
		{ "ms", CLOCK_MS },
		{ "s", CLOCK_S },
		{ "m", 60 * CLOCK_S },
		{ "", CLOCK_S },
	};

	for (size_t i = 0; i < countof(units); i++) {
		struct str unit = str_of(units[i].unit), number = text;
		int64_t n;

		if (!str_ends(text, unit))
			continue;
		number.len -= unit.len;
		if (!str_to_i64(number, 0, 3600 * CLOCK_S / units[i].ns, &n))
			return false;
		*out_ns = n * units[i].ns;
		return true;
	}
	return false;
}

static bool is_error_type(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((s.ptr[i] < 'a' || s.ptr[i] > 'z') && s.ptr[i] != '_')
			return false;
	}
	return s.len > 0 && s.len <= FAULT_TEXT_MAX;
}

static int read_arg(struct str arg, struct fault_item *f,
		    struct recording_problem *problem)
{
	if (f->kind == FAULT_STALL) {
		if (!fault_duration(arg, &f->stall_ns)) {
			return recording_bad(problem,
					     "\"" STR_FMT "\" is no duration "
					     "like 500ms, 30s or 2m",
					     STR_ARG(str_take(arg, 40)));
		}
		return 0;
	}
	if (!is_error_type(arg)) {
		return recording_bad(problem,
				     "\"" STR_FMT "\" is no error type like "
				     "overloaded_error",
				     STR_ARG(str_take(arg, 40)));
	}
	f->type = arg;
	return 0;
}

static int read_place(struct str place, size_t row, struct fault_item *f,
		      struct recording_problem *problem)
{
	struct str unit, number, arg;
	int64_t n;

	(void)str_cut(place, ':', &unit, &place);
	(void)str_cut(place, ':', &number, &arg);
	f->at_byte = str_eq(unit, STR("byte"));
	if (!str_eq(unit, STR("event")) &&
	    !(f->at_byte && kinds[row].has_byte)) {
		return recording_bad(problem, "%s@%s:NUMBER is missing",
				     kinds[row].name,
				     kinds[row].has_byte ? "event or byte"
							 : "event");
	}
	if (!str_to_i64(number, f->at_byte ? 0 : 1, NUMBER_MAX, &n)) {
		return recording_bad(problem,
				     "\"" STR_FMT "\" is no number of an event",
				     STR_ARG(str_take(number, 40)));
	}
	f->at = (uint64_t)n;
	if (kinds[row].has_arg)
		return read_arg(arg, f, problem);
	if (arg.len > 0)
		return recording_bad(problem, "%s takes nothing more",
				     kinds[row].name);
	return 0;
}

static int read_status(struct str text, struct fault_item *f,
		       struct recording_problem *problem)
{
	int64_t n;

	f->kind = FAULT_STATUS;
	if (!str_to_i64(text, 400, 599, &n))
		return recording_bad(problem, "status=NUMBER is 400 to 599");
	f->status = (int)n;
	return 0;
}

static int read_option(struct str text, struct fault_item *f,
		       struct recording_problem *problem)
{
	struct str name, value;

	(void)str_cut(text, '=', &name, &value);
	if (str_eq(name, STR("retry-after")) && f->kind == FAULT_STATUS &&
	    str_to_i64(value, 0, 86400, &f->retry_after))
		return 0;
	if (str_eq(name, STR("occurrence")) &&
	    str_to_i64(value, 1, NUMBER_MAX, &f->occurrence))
		return 0;
	return recording_bad(problem,
			     "\"" STR_FMT "\" is not retry-after=SECONDS or "
			     "occurrence=NUMBER",
			     STR_ARG(str_take(text, 40)));
}

static int read_what(struct str text, struct fault_item *f,
		     struct recording_problem *problem)
{
	struct str name, place;
	bool has_place;

	if (str_starts(text, STR("status=")))
		return read_status(str_drop(text, 7), f, problem);
	has_place = str_cut(text, '@', &name, &place);
	for (size_t i = 0; i < countof(kinds); i++) {
		if (!str_eq(name, str_of(kinds[i].name)))
			continue;
		f->kind = kinds[i].kind;
		if (kinds[i].has_place)
			return read_place(place, i, f, problem);
		if (has_place)
			return recording_bad(problem, "%s takes no place",
					     kinds[i].name);
		return 0;
	}
	return recording_bad(problem,
			     "\"" STR_FMT "\" is no fault: there are cut, rst, "
			     "stall, inject, garble, dup, drop-terminal and "
			     "status=",
			     STR_ARG(str_take(name, 40)));
}

static int read_fault(struct str text, struct fault_item *f,
		      struct recording_problem *problem)
{
	struct str part, rest;
	int r;

	*f = (struct fault_item){ .retry_after = -1 };
	(void)str_cut(text, ';', &part, &rest);
	r = read_what(str_trim(part), f, problem);
	while (r == 0 && rest.len > 0) {
		(void)str_cut(rest, ';', &part, &rest);
		r = read_option(str_trim(part), f, problem);
	}
	return r;
}

int fault_parse(struct str text, struct faults *out,
		struct recording_problem *problem)
{
	struct str part;
	int r = 0;

	*out = (struct faults){ 0 };
	if (text.len > TEXT_MAX)
		return recording_bad(problem, "too long");
	while (r == 0 && text.len > 0) {
		(void)str_cut(text, ',', &part, &text);
		if (out->count == FAULTS_MAX)
			return recording_bad(problem, "more than %d faults",
					     FAULTS_MAX);
		r = read_fault(str_trim(part), &out->list[out->count], problem);
		out->count++;
	}
	return r;
}

const struct fault_item *fault_find(const struct faults *f,
				    enum fault_kind kind, int64_t occurrence)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->list[i].kind == kind &&
		    (f->list[i].occurrence == 0 ||
		     f->list[i].occurrence == occurrence))
			return &f->list[i];
	}
	return NULL;
}
