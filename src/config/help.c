#include "config/schema.h"

static struct str group_of(const struct setting *s)
{
	struct str group, rest;

	if (!str_cut(str_of(s->key), '.', &group, &rest))
		return STR("general");
	return group;
}

static const char *word_of(const struct setting *s)
{
	switch (s->kind) {
	case SETTING_INT:
		return " N";
	case SETTING_SIZE:
		return " SIZE";
	case SETTING_DURATION:
		return " TIME";
	case SETTING_ENUM:
		return " WORD";
	case SETTING_LIST:
		return " A,B";
	case SETTING_PATH:
		return " FILE";
	case SETTING_STR:
	case SETTING_MAP:
		return " TEXT";
	case SETTING_BOOL:
		break;
	}
	return "";
}

static void print_names(FILE *out, struct str names)
{
	struct str name;
	const char *between = "";

	while (names.len > 0) {
		str_cut(names, '|', &name, &names);
		(void)fprintf(out, "%s" STR_FMT, between, STR_ARG(name));
		between = ", ";
	}
}

static void print_flag(FILE *out, const struct setting *s)
{
	bool is_bool = s->kind == SETTING_BOOL;
	int n = fprintf(out, "  --%s%s%s", is_bool ? "[no-]" : "", s->flag,
			word_of(s));

	(void)fprintf(out, "%*s %s\n", n < 27 ? 27 - n : 0, "", s->help);
	(void)fprintf(out, "%*s", 28, "");
	if (s->choices != NULL) {
		print_names(out, str_of(s->choices));
		(void)fputs("; ", out);
	}
	if (s->def != NULL)
		(void)fprintf(out, "default %s; ", s->def);
	(void)fputs("variable ", out);
	print_names(out, str_of(s->env));
	(void)fputc('\n', out);
}

static void print_table(FILE *out, const struct setting *s)
{
	struct str group = STR_NULL;

	for (; s->key != NULL; s++) {
		if (s->flag == NULL)
			continue;
		if (!str_eq(group, group_of(s))) {
			group = group_of(s);
			(void)fprintf(out, "%s" STR_FMT ":\n",
				      s == schema_settings ? "" : "\n",
				      STR_ARG(group));
		}
		print_flag(out, s);
	}
}

void config_help(FILE *out)
{
	print_table(out, schema_settings);
	print_table(out, schema_store);
	print_table(out, schema_responses);
	print_table(out, schema_process);
	(void)fputs("\nA TIME is 250ms, 15s, 10m, 1h or a number of seconds; a "
		    "SIZE is 64KB or 100MB.\n"
		    "Flags win over variables, variables over the file.\n",
		    out);
}
