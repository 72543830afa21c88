#include "config/config.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

#define AZURE                                                             \
	"providers: {inference: [{provider_id: azure, provider_type: "    \
	"remote::plain}, {provider_id: \"${env.NO_SUCH:+off}\", "         \
	"provider_type: remote::plain}, {provider_id: b, provider_type: " \
	"remote::plain}]}\nregistered_resources:\n  models:\n"

static int load(const char *text, struct config **out, struct buf *messages)
{
	char *environment[] = { NULL };

	buf_init(messages, CONFIG_MESSAGES_MAX);
	return config_load(&(struct config_sources){ .file = "quipu.yaml",
						     .text = str_of(text),
						     .environment =
							     environment },
			   test_types, out, messages);
}

static void wrong_targets_get_their_messages(void **state)
{
	static const struct {
		const char *name, *yaml, *want;
	} cases[] = {
		{ "targets are provider and model",
		  AZURE "  - model_id: m\n    targets:\n"
			"    - {model: gpt}\n    - {model: azrue/x}\n"
			"    - {weight: 0, model: azure/x}\n    - a\n"
			"    - {weigth: 2, model: azure/x/y}\n"
			"    - {model: \"${env.NO_SUCH:=}\"}\n    - {}\n",
		  "quipu.yaml:6:15: error: registered_resources.models[0]."
		  "targets[0].model: must be provider_id/model\n"
		  "quipu.yaml:7:15: error: registered_resources.models[0]."
		  "targets[1].model: there is no provider \"azrue\"; did you "
		  "mean \"azure\"?\n"
		  "quipu.yaml:8:16: error: registered_resources.models[0]."
		  "targets[2].weight: \"0\" is not between 1 and 1000\n"
		  "quipu.yaml:9:7: error: registered_resources.models[0]."
		  "targets[3]: must be a mapping\n"
		  "quipu.yaml:10:8: error: registered_resources.models[0]."
		  "targets[4].weigth: unknown key; did you mean "
		  "\"weight\"?\n"
		  "quipu.yaml:12:7: error: registered_resources.models[0]."
		  "targets[6].model: is required\n" },
		{ "targets stand instead of a provider",
		  AZURE "  - {model_id: m, provider_id: azure, "
			"targets: [{model: azure/x}]}\n"
			"  - {model_id: n, targets: []}\n",
		  "quipu.yaml:4:32: error: registered_resources.models[0]."
		  "provider_id: does not go with targets\n"
		  "quipu.yaml:5:28: error: registered_resources.models[1]."
		  "targets: must be a list of 1 to 64 entries\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *c;
		struct buf messages;

		check_int(cases[i].name, load(cases[i].yaml, &c, &messages),
			  CONFIG_BAD);
		check_str(cases[i].name, buf_str(&messages),
			  str_of(cases[i].want));
		buf_fini(&messages);
	}
}

static void targets_are_read(void **state)
{
	struct config *c;
	struct buf messages, shown;
	const struct config_model *m;

	(void)state;
	assert_int_equal(
		load(AZURE "  - model_id: m\n    targets:\n"
			   "    - {model: azure/a/b, weight: 3, priority: 0}\n"
			   "    - model: b/c\n",
		     &c, &messages),
		0);
	assert_int_equal(c->model_count, 1);
	m = &c->models[0];
	assert_int_equal(m->target_count, 2);
	check_str("the first slash", m->targets[0].provider_id, STR("azure"));
	check_str("the rest", m->targets[0].upstream_id, STR("a/b"));
	assert_int_equal(m->targets[0].weight, 3);
	assert_int_equal(m->targets[0].priority, 0);
	check_str("second", m->targets[1].model, STR("b/c"));
	assert_int_equal(m->targets[1].weight, 1);
	assert_int_equal(m->targets[1].priority, 1);
	buf_init(&shown, CONFIG_SHOW_MAX);
	assert_int_equal(config_show(c, true, &shown), 0);
	check_true("shown",
		   str_find(buf_str(&shown),
			    STR("models.m.targets[0].weight")) < shown.len);
	buf_fini(&shown);
	buf_fini(&messages);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_targets_get_their_messages),
		cmocka_unit_test(targets_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
