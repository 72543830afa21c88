#include "telemetry/metrics_text.h"

static bool was_used(const struct metrics_route *r)
{
	for (size_t i = 0; i < METRICS_CODES; i++) {
		if (r->codes[i] > 0)
			return true;
	}
	return false;
}

static void route_labels(struct prometheus_label out[2], size_t i,
			 const struct metrics *m,
			 const struct metrics_route_name *names)
{
	out[0].name = "route";
	out[1].name = "method";
	out[0].value = i < m->route_count ? names[i].path : METRICS_OTHER;
	out[1].value = i < m->route_count ? names[i].method : METRICS_OTHER;
}

static void add_routes(struct prometheus *p, const struct metrics *m,
		       const struct metrics_route_name *names)
{
	struct prometheus_label labels[3] = { { 0 } };

	prometheus_family(p, "quipu_http_requests_total", "counter",
			  "Requests answered, by route and status.");
	for (size_t i = 0; i <= m->route_count; i++) {
		route_labels(labels, i, m, names);
		labels[2].name = "code";
		for (unsigned j = 0; j < METRICS_CODES; j++) {
			if (m->routes[i].codes[j] == 0)
				continue;
			labels[2].value = str_of(metrics_code_text(j));
			prometheus_value(p, labels, 3, m->routes[i].codes[j]);
		}
	}
	prometheus_family(p, "quipu_http_responses_cut_total", "counter",
			  "Answers that were not finished.");
	for (size_t i = 0; i <= m->route_count; i++) {
		route_labels(labels, i, m, names);
		if (was_used(&m->routes[i]))
			prometheus_value(p, labels, 2, m->routes[i].cut);
	}
	prometheus_family(p, "quipu_http_request_duration_seconds", "histogram",
			  "From a request's first byte to its answer's last.");
	for (size_t i = 0; i <= m->route_count; i++) {
		route_labels(labels, i, m, names);
		if (was_used(&m->routes[i]))
			prometheus_histogram(p, labels, 2, &histogram_time,
					     &m->routes[i].duration);
	}
}

static void add_providers(struct prometheus *p, const struct metrics *m)
{
	struct prometheus_label labels[2] = { { "provider", STR_INIT("") },
					      { "class", STR_INIT("") } };

	prometheus_family(p, "quipu_upstream_attempts_total", "counter",
			  "Requests sent to a provider, retries included.");
	for (size_t i = 0; i < m->provider_count; i++) {
		labels[0].value = m->providers[i]->id;
		prometheus_value(p, labels, 1, m->providers[i]->attempts);
	}
	prometheus_family(p, "quipu_upstream_retries_total", "counter",
			  "Attempts that were not a request's first.");
	for (size_t i = 0; i < m->provider_count; i++) {
		labels[0].value = m->providers[i]->id;
		prometheus_value(p, labels, 1, m->providers[i]->retries);
	}
	prometheus_family(p, "quipu_upstream_errors_total", "counter",
			  "Attempts that failed, by what went wrong.");
	for (size_t i = 0; i < m->provider_count; i++) {
		labels[0].value = m->providers[i]->id;
		for (unsigned j = 0; j < METRICS_ERRORS; j++) {
			uint64_t n = m->providers[i]->errors[j];

			labels[1].value = str_of(metrics_error_text(j));
			if (n > 0)
				prometheus_value(p, labels, 2, n);
		}
	}
}

static void add_breakers(struct prometheus *p, const struct metrics *m)
{
	struct prometheus_label label = { "provider", STR_INIT("") };

	prometheus_family(p, "quipu_breakers_open", "gauge",
			  "Targets that are left alone, or tried again; each "
			  "worker has breakers of its own.");
	for (size_t i = 0; i < m->provider_count; i++) {
		label.value = m->providers[i]->id;
		prometheus_value(p, &label, 1, m->providers[i]->breakers_open);
	}
	prometheus_family(p, "quipu_breakers_opened_total", "counter",
			  "How often a target began to be left alone.");
	for (size_t i = 0; i < m->provider_count; i++) {
		label.value = m->providers[i]->id;
		prometheus_value(p, &label, 1,
				 m->providers[i]->breakers_opened);
	}
}

static void model_labels(struct prometheus_label out[3],
			 const struct metrics_model *s)
{
	out[0] = (struct prometheus_label){ "provider", s->provider };
	out[1] = (struct prometheus_label){ "model", s->model };
	out[2] = (struct prometheus_label){ "operation", s->operation };
}

static void add_tokens(struct prometheus *p, const struct metrics *m)
{
	struct prometheus_label labels[4] = { { 0 } };

	prometheus_family(p, "quipu_tokens_total", "counter",
			  "Tokens as providers counted them; cached ones are "
			  "among the prompt's, reasoning among the "
			  "completion's.");
	for (size_t i = 0; i < m->model_count; i++) {
		model_labels(labels, m->models[i]);
		labels[3].name = "kind";
		for (unsigned k = 0; k < METRICS_TOKENS; k++) {
			labels[3].value = str_of(metrics_token_text(k));
			prometheus_value(p, labels, 4, m->models[i]->tokens[k]);
		}
	}
}

static void add_models(struct prometheus *p, const struct metrics *m)
{
	struct prometheus_label labels[3];

	add_tokens(p, m);
	prometheus_family(p, "quipu_model_failures_total", "counter",
			  "Requests for a model that were not answered well.");
	for (size_t i = 0; i < m->model_count; i++) {
		model_labels(labels, m->models[i]);
		prometheus_value(p, labels, 3, m->models[i]->failures);
	}
	prometheus_family(p, "quipu_model_duration_seconds", "histogram",
			  "Requests for a model, to the answer's last byte.");
	for (size_t i = 0; i < m->model_count; i++) {
		model_labels(labels, m->models[i]);
		prometheus_histogram(p, labels, 3, &histogram_time,
				     &m->models[i]->duration);
	}
	prometheus_family(p, "quipu_time_to_first_token_seconds", "histogram",
			  "Streams: from the request to the first event.");
	for (size_t i = 0; i < m->model_count; i++) {
		model_labels(labels, m->models[i]);
		prometheus_histogram(p, labels, 3, &histogram_time,
				     &m->models[i]->first_token);
	}
}

static void add_store(struct prometheus *p, const struct metrics *m)
{
	prometheus_family(p, "quipu_store_lost_total", "counter",
			  "Completions that were to be kept and are not.");
	prometheus_value(p, NULL, 0, m->store_lost);
	prometheus_family(p, "quipu_store_waits_total", "counter",
			  "Answers that waited for room in the store.");
	prometheus_value(p, NULL, 0, m->store_waits);
	prometheus_family(p, "quipu_store_truncated_total", "counter",
			  "Completions that are not kept whole.");
	prometheus_value(p, NULL, 0, m->store_truncated);
}

void metrics_text(struct prometheus *p, const struct metrics *m,
		  const struct metrics_route_name *names)
{
	add_routes(p, m, names);
	add_providers(p, m);
	add_breakers(p, m);
	add_models(p, m);
	prometheus_family(p, "quipu_streams", "gauge",
			  "Streamed answers under way.");
	prometheus_value(p, NULL, 0, m->streams);
	add_store(p, m);
}
