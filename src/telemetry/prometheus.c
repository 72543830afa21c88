#include "telemetry/prometheus.h"

static void add(struct prometheus *p, struct str s)
{
	if (p->error == 0)
		p->error = buf_add(p->out, s);
}

static void add_u64(struct prometheus *p, uint64_t n)
{
	if (p->error == 0)
		p->error = buf_printf(p->out, "%llu", (unsigned long long)n);
}

static void add_double(struct prometheus *p, double d)
{
	if (p->error == 0)
		p->error = buf_printf(p->out, "%.15g", d);
}

void prometheus_family(struct prometheus *p, const char *name, const char *type,
		       const char *help)
{
	p->family = name;
	if (p->error == 0) {
		p->error = buf_printf(p->out, "# HELP %s %s\n# TYPE %s %s\n",
				      name, help, name, type);
	}
}

/* Backslash, quote and newline are escaped; all else stands as it is. */
static void add_label_value(struct prometheus *p, struct str s)
{
	size_t plain = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c != '\\' && c != '"' && c != '\n')
			continue;
		add(p, (struct str){ s.ptr + plain, i - plain });
		add(p, c == '\n'  ? STR("\\n")
		       : c == '"' ? STR("\\\"")
				  : STR("\\\\"));
		plain = i + 1;
	}
	add(p, str_drop(s, plain));
}

static void add_name(struct prometheus *p, const char *suffix,
		     const struct prometheus_label *labels, size_t count)
{
	add(p, str_of(p->family));
	add(p, str_of(suffix));
	for (size_t i = 0; i < count; i++) {
		add(p, i == 0 ? STR("{") : STR(","));
		add(p, str_of(labels[i].name));
		add(p, STR("=\""));
		add_label_value(p, labels[i].value);
		add(p, STR("\""));
	}
}

void prometheus_value(struct prometheus *p,
		      const struct prometheus_label *labels, size_t count,
		      uint64_t value)
{
	add_name(p, "", labels, count);
	add(p, count > 0 ? STR("} ") : STR(" "));
	add_u64(p, value);
	add(p, STR("\n"));
}

void prometheus_double(struct prometheus *p, double value)
{
	add_name(p, "", NULL, 0);
	add(p, STR(" "));
	add_double(p, value);
	add(p, STR("\n"));
}

void prometheus_histogram(struct prometheus *p,
			  const struct prometheus_label *labels, size_t count,
			  const struct histogram_scale *scale,
			  const struct histogram *h)
{
	uint64_t below = 0;

	for (unsigned i = 0; i <= scale->count; i++) {
		below += h->counts[i];
		add_name(p, "_bucket", labels, count);
		add(p, count > 0 ? STR(",le=\"") : STR("{le=\""));
		if (i < scale->count)
			add_double(p, histogram_bound(scale, i));
		else
			add(p, STR("+Inf"));
		add(p, STR("\"} "));
		add_u64(p, below);
		add(p, STR("\n"));
	}
	add_name(p, "_sum", labels, count);
	add(p, count > 0 ? STR("} ") : STR(" "));
	add_double(p, (double)h->sum * scale->unit);
	add(p, STR("\n"));
	add_name(p, "_count", labels, count);
	add(p, count > 0 ? STR("} ") : STR(" "));
	add_u64(p, below);
	add(p, STR("\n"));
}

int prometheus_done(const struct prometheus *p)
{
	return p->error;
}
