#include "telemetry/otlp.h"

#include <stdio.h>

enum {
	CUMULATIVE = 2 /* AGGREGATION_TEMPORALITY_CUMULATIVE */
};

static void begin_histogram(struct json_writer *w, struct str name,
			    struct str unit, struct str description)
{
	json_object(w);
	json_member_str(w, STR("name"), name);
	json_member_str(w, STR("description"), description);
	json_member_str(w, STR("unit"), unit);
	json_member(w, STR("histogram"));
	json_object(w);
	json_member_int(w, STR("aggregationTemporality"), CUMULATIVE);
	json_member(w, STR("dataPoints"));
	json_array(w);
}

static void end_histogram(struct json_writer *w)
{
	json_end(w);
	json_end(w);
	json_end(w);
}

static void add_u64(struct json_writer *w, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)n);

	json_add_str(w, (struct str){ text, (size_t)len });
}

static void member_u64(struct json_writer *w, struct str key, uint64_t n)
{
	json_member(w, key);
	add_u64(w, n);
}

/* All of a point but its attributes, which were begun. */
static void end_point(struct json_writer *w, const struct histogram *h,
		      const struct histogram_scale *scale,
		      const struct otlp_period *period)
{
	json_end(w);
	member_u64(w, STR("startTimeUnixNano"), (uint64_t)period->start_ns);
	member_u64(w, STR("timeUnixNano"), (uint64_t)period->now_ns);
	member_u64(w, STR("count"), histogram_total(h));
	json_member_double(w, STR("sum"), (double)h->sum * scale->unit);
	json_member(w, STR("bucketCounts"));
	json_array(w);
	for (unsigned i = 0; i <= scale->count; i++)
		add_u64(w, h->counts[i]);
	json_end(w);
	json_member(w, STR("explicitBounds"));
	json_array(w);
	for (unsigned i = 0; i < scale->count; i++)
		json_add_double(w, histogram_bound(scale, i));
	json_end(w);
	json_end(w);
}

static void begin_point(struct json_writer *w)
{
	json_object(w);
	json_member(w, STR("attributes"));
	json_array(w);
}

static void begin_model_point(struct json_writer *w,
			      const struct metrics_model *s)
{
	begin_point(w);
	otlp_attr_str(w, STR("gen_ai.operation.name"), s->operation);
	otlp_attr_str(w, STR("gen_ai.provider.name"), s->kind);
	otlp_attr_str(w, STR("gen_ai.request.model"), s->model);
	otlp_attr_str(w, STR("quipu.provider.id"), s->provider);
}

static void add_tokens(struct json_writer *w, const struct metrics *m,
		       const struct otlp_period *period)
{
	begin_histogram(w, STR("gen_ai.client.token.usage"), STR("{token}"),
			STR("Number of input and output tokens used."));
	for (size_t i = 0; i < m->model_count; i++) {
		const struct metrics_model *s = m->models[i];

		for (int out = 0; out < 2; out++) {
			const struct histogram *h =
				out ? &s->output : &s->input;

			if (histogram_total(h) == 0)
				continue;
			begin_model_point(w, s);
			otlp_attr_str(w, STR("gen_ai.token.type"),
				      out ? STR("output") : STR("input"));
			end_point(w, h, &histogram_tokens, period);
		}
	}
	end_histogram(w);
}

static void add_times(struct json_writer *w, const struct metrics *m,
		      const struct otlp_period *period)
{
	begin_histogram(w, STR("gen_ai.client.operation.duration"), STR("s"),
			STR("Duration of operations, retries included."));
	for (size_t i = 0; i < m->model_count; i++) {
		begin_model_point(w, m->models[i]);
		end_point(w, &m->models[i]->duration, &histogram_time, period);
	}
	end_histogram(w);
	begin_histogram(w, STR("gen_ai.server.time_to_first_token"), STR("s"),
			STR("Time to the first event of streams."));
	for (size_t i = 0; i < m->model_count; i++) {
		if (histogram_total(&m->models[i]->first_token) == 0)
			continue;
		begin_model_point(w, m->models[i]);
		end_point(w, &m->models[i]->first_token, &histogram_time,
			  period);
	}
	end_histogram(w);
}

static void add_routes(struct json_writer *w, const struct metrics *m,
		       const struct metrics_route_name *names,
		       const struct otlp_period *period)
{
	begin_histogram(w, STR("http.server.request.duration"), STR("s"),
			STR("Duration of HTTP server requests."));
	for (size_t i = 0; i < m->route_count; i++) {
		if (histogram_total(&m->routes[i].duration) == 0)
			continue;
		begin_point(w);
		otlp_attr_str(w, STR("http.request.method"), names[i].method);
		otlp_attr_str(w, STR("http.route"), names[i].path);
		otlp_attr_str(w, STR("url.scheme"),
			      period->tls ? STR("https") : STR("http"));
		end_point(w, &m->routes[i].duration, &histogram_time, period);
	}
	end_histogram(w);
}

void otlp_metrics(struct json_writer *w, const struct metrics *m,
		  const struct metrics_route_name *names,
		  const struct otlp_period *period)
{
	add_routes(w, m, names, period);
	add_tokens(w, m, period);
	add_times(w, m, period);
}
