#include "telemetry/otlp.h"

#include <stdio.h>

/* Numbers of 64 bits are texts. */
static void member_u64(struct json_writer *w, struct str key, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)n);

	json_member_str(w, key, (struct str){ text, (size_t)len });
}

/* Keys are ours and need no escapes. */
static void begin_attr(struct json_writer *w, struct str key)
{
	json_add_raw(w, STR("{\"key\":\""));
	json_more_raw(w, key);
}

void otlp_attr_str(struct json_writer *w, struct str key, struct str value)
{
	begin_attr(w, key);
	json_more_raw(w, STR("\",\"value\":{\"stringValue\":"));
	json_more_str(w, value);
	json_more_raw(w, STR("}}"));
}

void otlp_attr_int(struct json_writer *w, struct str key, int64_t value)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)value);

	begin_attr(w, key);
	json_more_raw(w, STR("\",\"value\":{\"intValue\":\""));
	json_more_raw(w, (struct str){ text, (size_t)len });
	json_more_raw(w, STR("\"}}"));
}

void otlp_span(struct json_writer *w, const struct otlp_span *s)
{
	json_object(w);
	json_member_str(w, STR("traceId"),
			(struct str){ s->own->trace, TRACE_ID_LEN });
	json_member_str(w, STR("spanId"),
			(struct str){ s->own->span, TRACE_SPAN_LEN });
	if (s->parent.len > 0)
		json_member_str(w, STR("parentSpanId"), s->parent);
	if (s->state.len > 0)
		json_member_str(w, STR("traceState"), s->state);
	json_member_str(w, STR("name"), s->name);
	json_member_int(w, STR("kind"), s->kind);
	member_u64(w, STR("startTimeUnixNano"), (uint64_t)s->start_ns);
	member_u64(w, STR("endTimeUnixNano"), (uint64_t)s->end_ns);
	json_member(w, STR("attributes"));
	json_array(w);
}

void otlp_span_end(struct json_writer *w, enum otlp_status status,
		   struct str message)
{
	json_end(w);
	json_member(w, STR("status"));
	json_object(w);
	if (status != OTLP_UNSET)
		json_member_int(w, STR("code"), status);
	if (message.len > 0)
		json_member_str(w, STR("message"), message);
	json_end(w);
	json_end(w);
}

static void add_resource(struct json_writer *w, const struct otlp_resource *r)
{
	json_member(w, STR("resource"));
	json_object(w);
	json_member(w, STR("attributes"));
	json_array(w);
	otlp_attr_str(w, STR("service.name"), r->service);
	otlp_attr_str(w, STR("service.instance.id"), r->instance);
	otlp_attr_str(w, STR("service.version"), STR(QUIPU_VERSION));
	json_end(w);
	json_end(w);
}

void otlp_begin(struct json_writer *w, const struct otlp_resource *r,
		enum otlp_signal signal)
{
	bool spans = signal == OTLP_SPANS;

	json_object(w);
	json_member(w, spans ? STR("resourceSpans") : STR("resourceMetrics"));
	json_array(w);
	json_object(w);
	add_resource(w, r);
	json_member(w, spans ? STR("scopeSpans") : STR("scopeMetrics"));
	json_array(w);
	json_object(w);
	json_member(w, STR("scope"));
	json_object(w);
	json_member_str(w, STR("name"), STR("quipu"));
	json_member_str(w, STR("version"), STR(QUIPU_VERSION));
	json_end(w);
	json_member(w, spans ? STR("spans") : STR("metrics"));
	json_array(w);
}

void otlp_end(struct json_writer *w)
{
	for (int i = 0; i < 6; i++)
		json_end(w);
}
