#include "telemetry/trace.h"

#include "base/rand.h"

#define SHARE_ALL (UINT64_C(1) << 56)

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Only lower-case digits; *any is set when they are not all zero. */
static bool is_hex(struct str s, bool *any)
{
	*any = false;
	for (size_t i = 0; i < s.len; i++) {
		if (digit(s.ptr[i]) < 0)
			return false;
		*any = *any || s.ptr[i] != '0';
	}
	return true;
}

/* 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 */
bool trace_parse(struct str value, struct trace_context *out)
{
	struct str version = str_take(value, 2), trace, span, flags;
	bool any;

	if (value.len < TRACE_TEXT_LEN || value.ptr[2] != '-' ||
	    value.ptr[35] != '-' || value.ptr[52] != '-')
		return false;
	trace = str_take(str_drop(value, 3), TRACE_ID_LEN);
	span = str_take(str_drop(value, 36), TRACE_SPAN_LEN);
	flags = str_take(str_drop(value, 53), 2);
	if (!is_hex(version, &any) || str_eq(version, STR("ff")))
		return false;
	if (value.len > TRACE_TEXT_LEN &&
	    (!any || value.ptr[TRACE_TEXT_LEN] != '-'))
		return false;
	if (!is_hex(trace, &any) || !any || !is_hex(span, &any) || !any ||
	    !is_hex(flags, &any))
		return false;
	memcpy(out->trace, trace.ptr, TRACE_ID_LEN);
	memcpy(out->span, span.ptr, TRACE_SPAN_LEN);
	out->sampled = (digit(flags.ptr[1]) & 1) != 0;
	return true;
}

struct str trace_text(const struct trace_context *c, char out[TRACE_TEXT_LEN])
{
	memcpy(out, "00-", 3);
	memcpy(out + 3, c->trace, TRACE_ID_LEN);
	out[35] = '-';
	memcpy(out + 36, c->span, TRACE_SPAN_LEN);
	memcpy(out + 52, c->sampled ? "-01" : "-00", 3);
	return (struct str){ out, TRACE_TEXT_LEN };
}

/* An id of zeroes is none; that it comes up is as good as impossible. */
static void make_id(char *out, size_t len)
{
	bool any;

	do
		rand_hex(out, len);
	while (!is_hex((struct str){ out, len }, &any) || !any);
}

void trace_new(struct trace_context *out)
{
	make_id(out->trace, TRACE_ID_LEN);
	make_id(out->span, TRACE_SPAN_LEN);
	out->sampled = false;
}

void trace_child(const struct trace_context *parent, struct trace_context *out)
{
	memcpy(out->trace, parent->trace, TRACE_ID_LEN);
	make_id(out->span, TRACE_SPAN_LEN);
	out->sampled = parent->sampled;
}

bool trace_state_is_good(struct str value)
{
	if (value.len == 0 || value.len > TRACE_STATE_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if ((c < ' ' || c > '~') && c != '\t')
			return false;
	}
	return true;
}

struct trace_sampler trace_sampler(struct str name, double ratio)
{
	struct str prefix = STR("parentbased_");
	struct trace_sampler s = { .by_parent = str_starts(name, prefix) };

	if (s.by_parent)
		name = str_drop(name, prefix.len);
	if (str_eq(name, STR("always_on")))
		s.limit = SHARE_ALL;
	else if (str_eq(name, STR("traceidratio")) && ratio > 0)
		s.limit = ratio < 1 ? (uint64_t)(ratio * (double)SHARE_ALL)
				    : SHARE_ALL;
	return s;
}

bool trace_is_sampled(const struct trace_sampler *s,
		      const struct trace_context *parent,
		      const struct trace_context *own)
{
	uint64_t n = 0;

	if (s->by_parent && parent != NULL)
		return parent->sampled;
	/* The trace's last 56 bits are random: all who ask decide alike. */
	for (size_t i = TRACE_ID_LEN - 14; i < TRACE_ID_LEN; i++)
		n = n << 4 | (uint64_t)digit(own->trace[i]);
	return n < s->limit;
}
