/*
 * script - a recorded answer as steps in time.
 *
 * The body is made first, with what faults change in it, and a mark per event:
 * where it ends and how long to wait before it.  Steps are then cut from it.
 */
#include "recording/playback.h"

#include "base/clock.h"

enum {
	COALESCE_MAX = 64 * 1024,
	GARBAGE = 0x01, /* in no JSON text, and no line end */
};

struct script_mark {
	uint64_t end;
	int64_t wait_ns;
	bool hold;
};

/* A generator of one's own: the thread's is for other things. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* From -1 to 1. */
static double chance(uint64_t seed, uint64_t n)
{
	return (double)(mix(seed ^ mix(n)) >> 11) / (double)(1ULL << 52) - 1;
}

static int64_t wait_before(const struct playback *pb,
			   const struct recording_mark *m, size_t i)
{
	double ns = pb->speed > 0 ? (double)m->ms * CLOCK_MS / pb->speed : 0;

	if (i > 0 && pb->tps > 0)
		ns = (double)CLOCK_S / pb->tps;
	if (i == 0 && pb->ttft_ns >= 0)
		ns = (double)pb->ttft_ns;
	ns += ns * pb->jitter * chance(pb->seed, i);
	if (pb->max_gap_ns >= 0 && ns > (double)pb->max_gap_ns)
		ns = (double)pb->max_gap_ns;
	return (int64_t)ns;
}

static void mark_events(struct script *s, const struct recording *r,
			struct arena *a)
{
	const struct recording_response *res = &r->response;
	static const struct recording_mark no_marks;
	const struct recording_mark *marks = res->marks;
	size_t n = res->mark_count;

	if (n == 0) {
		marks = &no_marks;
		n = 1;
	}
	s->marks = arena_alloc(a, (n + FAULTS_MAX) * sizeof(*s->marks));
	s->mark_count = n;
	s->body = res->body;
	for (size_t i = 0; i < n; i++) {
		s->marks[i] = (struct script_mark){
			.end = i + 1 < n ? marks[i].end : res->body.len,
			.wait_ns = wait_before(s->pb, &marks[i], i),
			.hold = s->pb->hold > 0 && i == s->pb->hold,
		};
	}
}

static struct str event_bytes(const struct script *s, size_t i)
{
	uint64_t from = i > 0 ? s->marks[i - 1].end : 0;

	return (struct str){ s->body.ptr + from, s->marks[i].end - from };
}

/* Put bytes behind event i (of the count after which nothing else is kept). */
static void insert(struct script *s, size_t after, struct str bytes,
		   struct arena *a)
{
	uint64_t at = after > 0 ? s->marks[after - 1].end : 0;
	struct str parts[] = { str_take(s->body, at), bytes,
			       str_drop(s->body, at) };

	s->body = arena_join(a, parts, countof(parts));
	memmove(&s->marks[after + 1], &s->marks[after],
		(s->mark_count - after) * sizeof(*s->marks));
	s->mark_count++;
	s->marks[after] = (struct script_mark){ .end = at };
	for (size_t i = after; i < s->mark_count; i++)
		s->marks[i].end += bytes.len;
}

/* Nothing comes after this byte of the body. */
static void end_at(struct script *s, uint64_t at, enum script_end end)
{
	size_t n = 0;

	if (at > s->body.len)
		return;
	s->end = end;
	s->body.len = at;
	while (n < s->mark_count && s->marks[n].end < at)
		n++;
	if (n < s->mark_count) {
		s->marks[n].end = at;
		s->mark_count = n + 1;
	}
	if (at == 0)
		s->mark_count = 0;
}

/* The byte after which a fault happens; UINT64_MAX when there is no such. */
static uint64_t place(const struct script *s, const struct fault_item *f)
{
	if (f->at_byte)
		return f->at;
	return f->at <= s->mark_count ? s->marks[f->at - 1].end : UINT64_MAX;
}

static void garble(struct script *s, const struct fault_item *f,
		   struct arena *a)
{
	struct str event;
	char *copy;
	size_t at;

	if (f->at > s->mark_count)
		return;
	event = event_bytes(s, f->at - 1);
	at = str_find(event, STR("{"));
	if (event.len == 0)
		return;
	/* Behind the brace, and before what ends the event. */
	at = at < event.len && event.len - at > 4
		     ? at + 1 + mix(s->pb->seed) % (event.len - at - 4)
		     : event.len / 2;
	copy = arena_alloc(a, s->body.len);
	memcpy(copy, s->body.ptr, s->body.len);
	copy[(size_t)(event.ptr - s->body.ptr) + at] = GARBAGE;
	s->body.ptr = copy;
}

static void stall(struct script *s, const struct fault_item *f, struct arena *a)
{
	uint64_t at = place(s, f);
	size_t n = 0;

	if (at >= s->body.len)
		return;
	while (s->marks[n].end <= at)
		n++;
	/* A place inside an event cuts it in two. */
	if ((n > 0 ? s->marks[n - 1].end : 0) < at) {
		struct script_mark *more =
			arena_alloc(a, (s->mark_count + 1 + FAULTS_MAX) *
					       sizeof(*more));

		memcpy(more, s->marks, n * sizeof(*more));
		more[n] = s->marks[n];
		more[n].end = at;
		memcpy(&more[n + 1], &s->marks[n],
		       (s->mark_count - n) * sizeof(*more));
		s->marks = more;
		s->mark_count++;
		n++;
		s->marks[n].wait_ns = 0;
		s->marks[n].hold = false;
	}
	s->marks[n].wait_ns += f->stall_ns;
}

static struct str error_event(const struct recording *r, struct str type,
			      struct arena *a)
{
	if (str_eq(r->op, STR("messages"))) {
		return arena_printf(
			a,
			"event: error\ndata: {\"type\":\"error\",\"error\":"
			"{\"type\":\"" STR_FMT "\",\"message\":"
			"\"Injected fault.\"}}\n\n",
			STR_ARG(type));
	}
	if (str_eq(r->op, STR("responses"))) {
		return arena_printf(
			a,
			"event: error\ndata: {\"type\":\"error\",\"code\":"
			"\"" STR_FMT "\",\"message\":\"Injected fault.\","
			"\"param\":null,\"sequence_number\":0}\n\n",
			STR_ARG(type));
	}
	if (r->response.framing == RECORDING_NDJSON) {
		return arena_printf(a, "{\"error\":\"" STR_FMT "\"}\n",
				    STR_ARG(type));
	}
	return arena_printf(a,
			    "data: {\"error\":{\"message\":\"Injected fault.\","
			    "\"type\":\"" STR_FMT "\",\"param\":null,\"code\":"
			    "\"" STR_FMT "\"}}\n\n",
			    STR_ARG(type), STR_ARG(type));
}

static void inject(struct script *s, const struct recording *r,
		   const struct fault_item *f, struct arena *a)
{
	if (f->at > s->mark_count)
		return;
	insert(s, f->at, error_event(r, f->type, a), a);
	end_at(s, s->marks[f->at].end, SCRIPT_EOF);
}

/* [DONE], or the last event where the dialect has no such. */
static void drop_terminal(struct script *s)
{
	uint64_t from = s->mark_count > 1 ? s->marks[s->mark_count - 2].end : 0;

	end_at(s, from, SCRIPT_EOF);
}

static void apply(struct script *s, const struct recording *r,
		  const struct fault_item *f, struct arena *a)
{
	uint64_t at;

	switch (f->kind) {
	case FAULT_CUT:
	case FAULT_RESET:
		at = place(s, f);
		if (at <= s->body.len) {
			end_at(s, at,
			       f->kind == FAULT_CUT ? SCRIPT_CUT
						    : SCRIPT_RESET);
		}
		break;
	case FAULT_STALL:
		stall(s, f, a);
		break;
	case FAULT_INJECT:
		inject(s, r, f, a);
		break;
	case FAULT_GARBLE:
		garble(s, f, a);
		break;
	case FAULT_DUP:
		if (f->at <= s->mark_count)
			insert(s, f->at, event_bytes(s, f->at - 1), a);
		break;
	case FAULT_DROP_TERMINAL:
		drop_terminal(s);
		break;
	case FAULT_STATUS: /* not of the body */
		break;
	}
}

static enum script_end end_of(enum recording_end end)
{
	switch (end) {
	case RECORDING_END_RESET:
		return SCRIPT_RESET;
	case RECORDING_UNTERMINATED:
	case RECORDING_CLIENT_ABORT:
		return SCRIPT_CUT;
	case RECORDING_END_TIMEOUT:
		return SCRIPT_TIMEOUT;
	case RECORDING_EOF:
		break;
	}
	return SCRIPT_EOF;
}

void script_init(struct script *s, const struct recording *r,
		 const struct playback *pb, int64_t occurrence, struct arena *a)
{
	*s = (struct script){ .pb = pb, .end = end_of(r->response.end) };
	mark_events(s, r, a);
	for (size_t i = 0; i < pb->faults.count; i++) {
		const struct fault_item *f = &pb->faults.list[i];

		if (f->occurrence == 0 || f->occurrence == occurrence)
			apply(s, r, f, a);
	}
}

/* The byte where a step that starts at s->at has to end at the latest. */
static uint64_t step_end(const struct script *s)
{
	const struct script_mark *m = &s->marks[s->mark];
	uint64_t enough = s->pb->segment == SEGMENT_BYTES ? s->pb->segment_bytes
							  : COALESCE_MAX;
	size_t next = s->mark;

	if (s->pb->segment == SEGMENT_EVENT ||
	    s->pb->segment == SEGMENT_SPLIT_UTF8)
		return m->end;
	/* What needs no wait goes together. */
	while (next + 1 < s->mark_count &&
	       s->marks[next].end - s->at < enough &&
	       s->marks[next + 1].wait_ns == 0 && !s->marks[next + 1].hold)
		next++;
	return s->marks[next].end;
}

static uint64_t segment_end(const struct script *s)
{
	uint64_t end = step_end(s);

	if (s->pb->segment == SEGMENT_BYTES &&
	    end - s->at > s->pb->segment_bytes)
		return s->at + s->pb->segment_bytes;
	if (s->pb->segment == SEGMENT_COALESCE && end - s->at > COALESCE_MAX)
		return s->at + COALESCE_MAX;
	if (s->pb->segment != SEGMENT_SPLIT_UTF8)
		return end;
	for (uint64_t i = s->at; i + 1 < end; i++) {
		if (((uint8_t)s->body.ptr[i] & 0xc0) == 0xc0)
			return i + 1;
	}
	return end;
}

bool script_next(struct script *s, struct script_step *step)
{
	uint64_t end;

	*step = (struct script_step){ 0 };
	while (s->mark < s->mark_count && s->marks[s->mark].end <= s->at &&
	       (s->waited || s->marks[s->mark].wait_ns == 0)) {
		s->mark++;
		s->waited = false;
	}
	if (s->mark == s->mark_count)
		return false;
	if (!s->waited) {
		step->wait_ns = s->marks[s->mark].wait_ns;
		step->hold = s->marks[s->mark].hold;
		s->waited = true;
	}
	end = segment_end(s);
	step->bytes =
		(struct str){ s->body.ptr + s->at, (size_t)(end - s->at) };
	s->at = end;
	return true;
}
