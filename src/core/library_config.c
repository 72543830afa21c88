#include "core/library.h"

static enum library_exhausted exhausted_of(struct str text)
{
	if (str_eq(text, STR("error")))
		return LIBRARY_ERROR;
	return str_eq(text, STR("cycle")) ? LIBRARY_CYCLE : LIBRARY_LAST;
}

int library_from_config(const struct config *config, bool is_ci,
			struct library **out, struct buf *messages)
{
	struct library_cfg cfg = {
		.dir = config->record_dir,
		.speed = config->replay_speed,
		.ttft = config->replay_ttft,
		.segment = config->replay_segment,
		.fault = config->replay_fault,
		.write_ogx = str_eq(config->record_format, STR("ogx")),
		.may_record = !is_ci || config->record_in_ci,
		.strict = config->record_strict,
		.on_exhausted = exhausted_of(config->record_on_exhausted),
		.miss_status = (int)config->record_miss_status,
		.max_age_ns = config->record_max_age_ns,
	};

	*out = NULL;
	/* The schema has checked that it is one of them. */
	if (!edge_mode_parse(config->record_mode, &cfg.mode))
		cfg.mode = EDGE_OFF;
	if (cfg.mode == EDGE_OFF && cfg.dir.len == 0)
		return 0;
	if (cfg.dir.len == 0)
		cfg.dir = STR("recordings");
	return library_open(&cfg, out, messages);
}
