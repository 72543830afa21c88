#include "config/config.h"

#include "tests/unit/config/types.h"
#include "tests/unit/table.h"

/* Loads text as "quipu.yaml" and gives the messages. */
static int load(const char *text, char **environment, char **flags,
		struct config **out, struct buf *messages)
{
	buf_init(messages, CONFIG_MESSAGES_MAX);
	return config_load(&(struct config_sources){ .file = "quipu.yaml",
						     .text = str_of(text),
						     .environment = environment,
						     .flags = flags },
			   test_types, out, messages);
}

struct message_case {
	const char *name;
	const char *yaml;
	const char *want; /* all messages; "" for none */
};

static void check_messages(const struct message_case *c)
{
	static char empty[] = "EMPTY=", word[] = "WORD=word",
		    home[] = "HOME=/home/me";
	char *environment[] = { empty, word, home, NULL };
	struct config *cfg = NULL;
	struct buf messages;
	bool is_bad = strstr(c->want, "error: ") != NULL;
	int r = load(c->yaml, environment, NULL, &cfg, &messages);

	check_str(c->name, buf_str(&messages), str_of(c->want));
	check_int(c->name, r, is_bad ? CONFIG_BAD : 0);
	check_true(c->name, (cfg != NULL) == !is_bad);
	config_unref(cfg);
	buf_fini(&messages);
}

static void a_wrong_file_gets_its_messages(void **state)
{
	static const struct message_case cases[] = {
		{ "an empty file is fine", "", "" },
		{ "a file of comments is fine", "# nothing\n", "" },
		{ "a null section is fine", "server:\nlog: ~\n", "" },
		{ "a list is no configuration", "- 1\n",
		  "quipu.yaml:1:1: error: the file must be a mapping\n" },
		{ "a misspelt key names the near one", "server:\n  prot: 80\n",
		  "quipu.yaml:2:3: error: server.prot: unknown key; "
		  "did you mean \"port\"?\n" },
		{ "a misspelt section names the near one",
		  "sever:\n  port: 80\n",
		  "quipu.yaml:1:1: error: sever: unknown key; "
		  "did you mean \"server\"?\n" },
		{ "a key in the wrong section names the right one",
		  "port: 80\n",
		  "quipu.yaml:1:1: error: port: unknown key; "
		  "did you mean \"server.port\"?\n" },
		{ "models at the top belong elsewhere", "models: []\n",
		  "quipu.yaml:1:1: error: models: unknown key; did you mean "
		  "\"registered_resources.models\"?\n" },
		{ "what a variable holds is not told",
		  "server: {port: \"${env.WORD}\"}\n",
		  "quipu.yaml:1:16: error: server.port: \"${env.WORD}\" is "
		  "not a whole number\n" },
		{ "a long value is cut between characters",
		  "server: {port: "
		  "ääääääääääääääääääääääääääääääää}\n",
		  "quipu.yaml:1:16: error: server.port: "
		  "\"ääääääääääääääääääääääääääääää...\" is not a whole "
		  "number\n" },
		{ "an unknown top-level key is a warning", "colours: {a: b}\n",
		  "quipu.yaml:1:1: warning: colours: unknown key, ignored\n" },
		{ "an unknown key of a section is an error",
		  "server:\n  colours: red\n",
		  "quipu.yaml:2:3: error: server.colours: unknown key\n" },
		{ "what OGX has and quipu does not is a warning",
		  "connectors:\n- connector_id: x\nsafety: {}\n",
		  "quipu.yaml:1:1: warning: connectors: not used by quipu\n" },
		{ "what names the distribution is silent",
		  "version: 2\ndistro_name: starter\napis: [inference]\n", "" },
		{ "a variable in an unused section is not looked at",
		  "safety:\n  file: ${env.NO_SUCH}\n",
		  "quipu.yaml:1:1: warning: safety: not used by quipu\n" },
		{ "a file of the old format is told so",
		  "routing_table: {inference: []}\n",
		  "quipu.yaml:1:1: error: routing_table: this is a file of the "
		  "format before version 2; providers belong below "
		  "providers.inference, models below "
		  "registered_resources.models\n" },
		{ "of OGX's categories only \"all\" is used",
		  "logging: {category_levels: {ALL: Warning, server: debug}}\n",
		  "quipu.yaml:1:43: warning: logging.category_levels: quipu "
		  "has one level for everything; of the categories only "
		  "\"all\" is used\n" },
		{ "a level that OGX has not is ignored",
		  "logging: {category_levels: {all: loud}}\n",
		  "quipu.yaml:1:34: warning: log level \"loud\" is not one of "
		  "debug, info, warning, error, critical; ignored\n" },
		{ "a word is no number", "server:\n  port: abc\n",
		  "quipu.yaml:2:9: error: server.port: \"abc\" is not a whole "
		  "number\n" },
		{ "a port has limits", "server: {port: 65536}\n",
		  "quipu.yaml:1:16: error: server.port: \"65536\" is not "
		  "between 0 and 65535\n" },
		{ "a size has limits", "server: {limits: {head: 2MB}}\n",
		  "quipu.yaml:1:25: error: server.limits.head: \"2MB\" is not "
		  "between 1KB and 1MB\n" },
		{ "a duration has limits", "server: {timeouts: {body: 0}}\n",
		  "quipu.yaml:1:27: error: server.timeouts.body: \"0\" is not "
		  "between 1ms and 1d\n" },
		{ "a duration has units",
		  "server: {timeouts: {body: 5 parsecs}}\n",
		  "quipu.yaml:1:27: error: server.timeouts.body: \"5 parsecs\" "
		  "is not a duration such as 250ms, 15s or 10m\n" },
		{ "a choice names all and the near one",
		  "log: {level: debgu}\n",
		  "quipu.yaml:1:14: error: log.level: \"debgu\" is not one of "
		  "debug, info, warn, error; did you mean \"debug\"?\n" },
		{ "a truth is true or false", "log: {access: maybe}\n",
		  "quipu.yaml:1:15: error: log.access: \"maybe\" is neither "
		  "true nor false\n" },
		{ "the limits themselves are fine",
		  "server: {port: 0, limits: {head: 1KB, body: 1GB}}\n", "" },
		{ "the largest port is fine", "server: {port: 65535}\n", "" },
		{ "a text has no line end in it", "server: {host: \"\\n\"}\n",
		  "quipu.yaml:1:16: error: server.host: \"?\" has a line end "
		  "in it\n" },
		{ "of two near keys the nearer is named",
		  "server: {tls_kefile: a}\n",
		  "quipu.yaml:1:10: error: server.tls_kefile: unknown key; did "
		  "you mean \"tls_keyfile\"?\n" },
		{ "of two equally near keys the first is named",
		  "server: {hort: a}\n",
		  "quipu.yaml:1:10: error: server.hort: unknown key; did you "
		  "mean \"port\"?\n" },
		{ "a misspelt key far below names the near one",
		  "upstream: {network: {tls: {verfy: true}}}\n",
		  "quipu.yaml:1:28: error: upstream.network.tls.verfy: unknown "
		  "key; did you mean \"verify\"?\n" },
		{ "a known section where it is not known is an error",
		  "upstream: {limits: {head: 1KB}}\n",
		  "quipu.yaml:1:12: error: upstream.limits: unknown key\n" },
		{ "terminal escapes are not printed from keys",
		  "server: {\"\\e[31m\": 1}\n",
		  "quipu.yaml:1:10: error: server.?[31m: unknown key\n" },
		{ "a client key needs its certificate",
		  "upstream: {network: {tls: {client_key: a}}}\n",
		  "quipu.yaml:1:40: error: upstream.network.tls.client_key: "
		  "needs network.tls.client_cert as well\n" },
		{ "a list is not a single value", "server: {port: [1]}\n",
		  "quipu.yaml:1:16: error: server.port: must be a single "
		  "value\n" },
		{ "a mapping is not a single value", "server: {port: {a: 1}}\n",
		  "quipu.yaml:1:16: error: server.port: must be a single "
		  "value\n" },
		{ "a section is a mapping", "server: 8080\n",
		  "quipu.yaml:1:9: error: server: must be a mapping\n" },
		{ "terminal escapes are not printed",
		  "server: {port: \"\\e[31m\"}\n",
		  "quipu.yaml:1:16: error: server.port: \"?[31m\" is not a "
		  "whole number\n" },
		{ "all errors are told, not only the first",
		  "server: {port: x, host: a}\nlog:\n  level: y\n  colour: z\n",
		  "quipu.yaml:1:16: error: server.port: \"x\" is not a whole "
		  "number\n"
		  "quipu.yaml:3:10: error: log.level: \"y\" is not one of "
		  "debug, info, warn, error\n"
		  "quipu.yaml:4:3: error: log.colour: unknown key\n" },
		{ "a key stands once",
		  "server: {port: 1}\nlog: {}\nserver: {port: 2}\n",
		  "quipu.yaml:3:1: error: key \"server\" stands twice, first "
		  "in line 1\n" },
		{ "an unset variable is named",
		  "server:\n  host: ${env.NO_SUCH}\n",
		  "quipu.yaml:2:9: error: server.host: environment variable "
		  "NO_SUCH is not set or empty; ${env.NO_SUCH:=} allows "
		  "that\n" },
		{ "an empty variable is as good as unset",
		  "server: {host: \"${env.EMPTY}\"}\n",
		  "quipu.yaml:1:16: error: server.host: environment variable "
		  "EMPTY is not set or empty; ${env.EMPTY:=} allows that\n" },
		{ "a variable without an end is an error",
		  "server: {host: \"${env.WORD\"}\n",
		  "quipu.yaml:1:16: error: server.host: \"${env.WORD\" is not "
		  "${env.NAME}, ${env.NAME:=text} or ${env.NAME:+text}\n" },
		{ "a certificate needs its key",
		  "server: {tls_certfile: a.pem}\n",
		  "quipu.yaml:1:24: error: server.tls_certfile: needs "
		  "server.tls_keyfile as well\n" },
		{ "an authority needs a certificate",
		  "server: {tls_cafile: a.pem}\n",
		  "quipu.yaml:1:22: error: server.tls_cafile: needs "
		  "server.tls_certfile as well\n" },
		{ "authentication that cannot be had stops the start",
		  "server:\n  auth:\n    provider_config: {type: github}\n",
		  "quipu.yaml:2:3: error: server.auth: quipu cannot check "
		  "clients yet; without this section everybody may use the "
		  "server\n" },
		{ "authentication that is switched off does not",
		  "server:\n  auth:\n    provider_config:\n"
		  "      type: ${env.AUTH:=}\n      url: ${env.AUTH_URL}\n",
		  "" },
		{ "a proxy speaks HTTP",
		  "upstream: {network: {proxy: {https: socks5://h}}}\n",
		  "quipu.yaml:1:37: error: upstream.network.proxy.https: only "
		  "http:// proxies can be used\n" },
		{ "a client certificate needs its key",
		  "upstream: {network: {tls: {client_cert: a}}}\n",
		  "quipu.yaml:1:41: error: upstream.network.tls.client_cert: "
		  "needs network.tls.client_key as well\n" },
		{ "a header cannot smuggle another",
		  "upstream: {network: {headers: {a: \"b\\r\\nc: d\"}}}\n",
		  "quipu.yaml:1:31: error: upstream.network.headers: \"a\" is "
		  "no header that can be sent\n" },
		{ "headers are a mapping",
		  "upstream: {network: {headers: abc}}\n",
		  "quipu.yaml:1:31: error: upstream.network.headers: must be "
		  "a mapping of names to texts\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		check_messages(&cases[i]);
}

static void text_that_is_not_yaml_is_located(void **state)
{
	static const struct message_case cases[] = {
		{ "a tab indents nothing", "server:\n\tport: 1\n",
		  "quipu.yaml:2:1: error: not YAML: found character that "
		  "cannot start any token while scanning for the next "
		  "token\n" },
		{ "an alias is refused", "a: &x 1\nb: *x\n",
		  "quipu.yaml:1:4: error: anchors and aliases are not "
		  "supported\n"
		  "quipu.yaml:2:4: error: anchors and aliases are not "
		  "supported\n"
		  "quipu.yaml:1:1: warning: a: unknown key, ignored\n" },
		{ "a tag is refused", "server: !own {port: 1}\n",
		  "quipu.yaml:1:9: error: tags are not supported\n" },
		{ "YAML's own tags are fine", "server: {port: !!str 1}\n", "" },
		{ "a second document is refused", "log: {}\n---\nlog: {}\n",
		  "quipu.yaml:2:1: error: a second document; there may be "
		  "one\n" },
		{ "a key is a text", "? [a]\n: b\n",
		  "quipu.yaml:1:3: error: a key must be a text\n" },
		{ "bytes that are not UTF-8 are located",
		  "server: {}\nlog: \xff\n",
		  "quipu.yaml:2:6: error: not YAML: invalid leading UTF-8 "
		  "octet\n" },
		{ "a byte order mark is skipped",
		  "\xef\xbb\xbfserver: {port: 1}\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		check_messages(&cases[i]);
}

/* The sections of a distribution of OGX, a few entries of each. */
static void a_file_of_ogx_starts(void **state)
{
	static const struct message_case c = {
		"what quipu has no use for is told once each",
		"version: 2\n"
		"distro_name: starter\n"
		"apis:\n- inference\n- vector_io\n"
		"providers:\n"
		"  inference:\n"
		"  - provider_id: ${env.AZURE_API_KEY:+azure}\n"
		"    provider_type: remote::azure\n"
		"    config:\n"
		"      api_key: ${env.AZURE_API_KEY:=}\n"
		"  - provider_id: test\n"
		"    provider_type: remote::test\n"
		"    config:\n"
		"      base_url: ${env.TEST_URL:=http://localhost/v1}\n"
		"      api_key: ${env.TEST_KEY:=}\n"
		"      tls_verify: ${env.TEST_TLS_VERIFY:=true}\n"
		"      network:\n"
		"        tls:\n"
		"          verify: ${env.TEST_TLS_VERIFY:=true}\n"
		"  - provider_id: sentence-transformers\n"
		"    provider_type: inline::sentence-transformers\n"
		"  vector_io:\n"
		"  - provider_id: faiss\n"
		"    provider_type: inline::faiss\n"
		"storage:\n"
		"  backends:\n"
		"    kv_default: {type: kv_sqlite,\n      "
		"db_path: \"${env.SQLITE_STORE_DIR:=~/.ogx}/kvstore.db\"}\n"
		"registered_resources:\n"
		"  models:\n"
		"  - metadata: {embedding_dimension: 768}\n"
		"    model_id: nomic\n"
		"    provider_id: sentence-transformers\n"
		"    model_type: embedding\n"
		"  - model_id: azure/gpt-4o\n"
		"    provider_id: ${env.AZURE_API_KEY:+azure}\n"
		"    metadata: {}\n"
		"  shields:\n"
		"  - shield_id: llama-guard\n"
		"  vector_dbs: []\n"
		"server:\n"
		"  port: 8321\n"
		"  workers: 1\n"
		"  registry_refresh_interval_seconds: 300\n"
		"  auth:\n"
		"    provider_config:\n"
		"      type: ${env.AUTH_PROVIDER:+oauth2_token}\n"
		"      issuer: ${env.AUTH_ISSUER}\n"
		"safety: {default_shield_id: llama-guard}\n",
		"quipu.yaml:50:1: warning: safety: not used by quipu\n"
		"quipu.yaml:22:20: warning: "
		"providers.inference[2].provider_type: "
		"\"inline::sentence-transformers\" is not one of quipu's; "
		"left out\n"
		"quipu.yaml:23:3: warning: providers.vector_io: not used by "
		"quipu\n"
		"quipu.yaml:39:3: warning: registered_resources.shields: not "
		"used by quipu\n"
		"quipu.yaml:26:1: warning: storage: of the stores only "
		"inference is used so far\n",
	};

	(void)state;
	check_messages(&c);
}

#define ENTRY                                            \
	"providers:\n  inference:\n  - provider_id: a\n" \
	"    provider_type: remote::test\n"

static void providers_get_their_messages(void **state)
{
	static const struct message_case cases[] = {
		{ "a complete provider is fine",
		  ENTRY "    config: {base_url: u, api_key: k}\n", "" },
		{ "what is required and unset is named",
		  ENTRY "    config: {api_key: k}\n",
		  "quipu.yaml:3:5: error: "
		  "providers.inference[0].config.base_url: is required, here "
		  "or as environment variable TEST_URL\n" },
		{ "a misspelt key names the near one",
		  ENTRY "    config:\n      base_url: u\n      api_kye: k\n",
		  "quipu.yaml:7:7: error: "
		  "providers.inference[0].config.api_kye: unknown key; did "
		  "you mean \"api_key\"?\n" },
		{ "a key of the entry is checked",
		  ENTRY "    confg: {base_url: u}\n"
			"    config: {base_url: u}\n",
		  "quipu.yaml:5:5: error: providers.inference[0].confg: "
		  "unknown key; did you mean \"config\"?\n" },
		{ "a secret is not in the message",
		  ENTRY "    config: {base_url: u, pin: hunter2}\n",
		  "quipu.yaml:5:32: error: "
		  "providers.inference[0].config.pin: the value is not a "
		  "whole number\n" },
		{ "a key with a dot is a mapping",
		  ENTRY "    config: {base_url: u, retry: {max: 11}}\n",
		  "quipu.yaml:5:40: error: "
		  "providers.inference[0].config.retry.max: \"11\" is not "
		  "between 1 and 10\n" },
		{ "a misspelt type names the near one",
		  "providers:\n  inference:\n  - provider_id: a\n"
		  "    provider_type: remote::tset\n",
		  "quipu.yaml:4:20: error: providers.inference[0].provider_type: "
		  "\"remote::tset\" is unknown; did you mean "
		  "\"remote::test\"?\n" },
		{ "an unknown remote type is left out",
		  "providers:\n  inference:\n  - provider_id: a\n"
		  "    provider_type: remote::watsonx\n",
		  "quipu.yaml:4:20: warning: "
		  "providers.inference[0].provider_type: \"remote::watsonx\" "
		  "is not one of quipu's; left out\n" },
		{ "an inline type of OGX is left out with its models",
		  "providers:\n  inference:\n  - provider_id: st\n"
		  "    provider_type: inline::sentence-transformers\n"
		  "    config: {a: b}\n"
		  "registered_resources: {models: [{model_id: m, "
		  "provider_id: st}]}\n",
		  "quipu.yaml:4:20: warning: "
		  "providers.inference[0].provider_type: "
		  "\"inline::sentence-transformers\" is not one of quipu's; "
		  "left out\n" },
		{ "what is inherited is blamed once",
		  "upstream: {network: {proxy: {url: \"socks://h\"}}}\n"
		  "providers: {inference: [{provider_id: a, "
		  "provider_type: remote::plain}]}\n",
		  "quipu.yaml:1:35: error: upstream.network.proxy.https: only "
		  "http:// proxies can be used\n"
		  "quipu.yaml:1:35: error: upstream.network.proxy.http: only "
		  "http:// proxies can be used\n" },
		{ "what is the provider's own is blamed there",
		  ENTRY "    config: {base_url: u, network: {proxy: "
			"{http: \"socks://h\"}}}\n",
		  "quipu.yaml:5:51: error: "
		  "providers.inference[0].config.network.proxy.http: only "
		  "http:// proxies can be used\n" },
		{ "an entry without an id is an error",
		  "providers: {inference: [{provider_type: remote::plain}]}\n",
		  "quipu.yaml:1:25: error: "
		  "providers.inference[0].provider_id: is required\n" },
		{ "an entry without a type is an error",
		  "providers: {inference: [{provider_id: a}]}\n",
		  "quipu.yaml:1:25: error: "
		  "providers.inference[0].provider_type: is required\n" },
		{ "an entry that is switched off is not looked at",
		  "providers:\n  inference:\n"
		  "  - provider_id: ${env.NO_SUCH:+azure}\n"
		  "    provider_type: nonsense\n"
		  "    config: {x: \"${env.NO_SUCH}\"}\n"
		  "  - provider_id: __disabled__\n"
		  "    provider_type: nonsense\n"
		  "  - provider_id: ''\n",
		  "" },
		{ "an id stands once",
		  "providers:\n  inference:\n"
		  "  - {provider_id: a, provider_type: remote::plain}\n"
		  "  - {provider_id: a, provider_type: remote::plain}\n",
		  "quipu.yaml:4:19: error: providers.inference[1].provider_id: "
		  "\"a\" is the id of another provider\n" },
		{ "an id has no spaces",
		  "providers:\n  inference:\n"
		  "  - {provider_id: a b, provider_type: remote::plain}\n",
		  "quipu.yaml:3:19: error: providers.inference[0].provider_id: "
		  "\"a b\" is not 1 to 128 printable ASCII characters\n" },
		{ "other APIs are warnings",
		  "providers:\n  safety: [{provider_id: x}]\n  agents: []\n"
		  "  magic: [1]\n",
		  "quipu.yaml:2:3: warning: providers.safety: not used by "
		  "quipu\n"
		  "quipu.yaml:4:3: warning: providers.magic: unknown key, "
		  "ignored\n" },
		{ "a misspelt API is an error", "providers: {inferense: []}\n",
		  "quipu.yaml:1:13: error: providers.inferense: unknown key; "
		  "did you mean \"inference\"?\n" },
		{ "inference is a list", "providers: {inference: {a: b}}\n",
		  "quipu.yaml:1:24: error: providers.inference: must be a "
		  "list\n" },
		{ "an entry is a mapping", "providers: {inference: [a]}\n",
		  "quipu.yaml:1:25: error: providers.inference[0]: must be a "
		  "mapping\n" },
		{ "a model that its provider does not allow",
		  "providers: {inference: [{provider_id: p, provider_type: "
		  "remote::plain, config: {allowed_models: [a]}}]}\n"
		  "registered_resources:\n  models:\n"
		  "  - {model_id: a, provider_id: p}\n"
		  "  - {model_id: m, provider_id: p}\n"
		  "  - {model_id: o, provider_id: p, provider_model_id: b}\n",
		  "quipu.yaml:5:16: warning: registered_resources.models[1]."
		  "model_id: not among the allowed_models of provider \"p\"\n"
		  "quipu.yaml:6:54: warning: registered_resources.models[2]."
		  "provider_model_id: not among the allowed_models of "
		  "provider \"p\"\n" },
		{ "a model's provider must be there",
		  "providers: {inference: [{provider_id: azure, "
		  "provider_type: remote::plain}]}\n"
		  "registered_resources:\n  models:\n"
		  "  - model_id: m\n    provider_id: azrue\n",
		  "quipu.yaml:5:18: error: registered_resources.models[0]."
		  "provider_id: there is no provider \"azrue\"; did you mean "
		  "\"azure\"?\n" },
		{ "a model stands once",
		  "providers: {inference: [{provider_id: a, "
		  "provider_type: remote::plain}]}\n"
		  "registered_resources:\n  models:\n"
		  "  - {model_id: m}\n  - {model_id: m}\n",
		  "quipu.yaml:5:16: error: registered_resources.models[1]."
		  "model_id: \"m\" stands twice, first in quipu.yaml:4\n" },
		{ "a model needs a provider when there are none",
		  "registered_resources: {models: [{model_id: m}]}\n",
		  "quipu.yaml:1:33: error: registered_resources.models[0]."
		  "provider_id: is required\n" },
		{ "a model that is switched off is not looked at",
		  "registered_resources:\n  models:\n"
		  "  - {model_id: \"${env.NO_SUCH:=}\", x: y}\n"
		  "  - {model_id: m, provider_id: \"${env.NO_SUCH:+a}\"}\n",
		  "" },
		{ "other resources are warnings",
		  "registered_resources: {shields: [a], tool_groups: []}\n",
		  "quipu.yaml:1:24: warning: registered_resources.shields: "
		  "not used by quipu\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		check_messages(&cases[i]);
}

static void errors_past_twenty_are_counted(void **state)
{
	struct config *cfg = NULL;
	struct buf yaml, messages;
	size_t lines = 0;

	(void)state;
	buf_init(&yaml, 4096);
	assert_int_equal(buf_add(&yaml, STR("server:\n")), 0);
	for (int i = 0; i < 25; i++)
		assert_int_equal(buf_printf(&yaml, "  unknown%d: 1\n", i), 0);
	assert_int_equal(buf_printf(&yaml, "%c", 0), 0);
	assert_int_equal(load(yaml.ptr, NULL, NULL, &cfg, &messages),
			 CONFIG_BAD);
	for (size_t i = 0; i < messages.len; i++)
		lines += messages.ptr[i] == '\n';
	assert_int_equal(lines, 21);
	assert_true(str_ends(buf_str(&messages), STR("and 5 more errors\n")));
	buf_fini(&messages);
	buf_fini(&yaml);
}

static void limits_are_kept(void **state)
{
	static const struct {
		const char *name, *head, *repeat;
		size_t times;
		const char *want; /* the end of the messages */
	} cases[] = {
		{ "depth", "a: ", "[", 40, "error: nested too deep\n" },
		{ "nodes", "a: [", "1,", 60000,
		  "error: more than 50000 values\n" },
		{ "scalar", "log: {level: ", "x", 70000,
		  "error: value of more than 65536 bytes\n" },
		{ "file", "#", "xxxxxxxx", 140000,
		  "error: the file has more than 1048576 bytes\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config *cfg = NULL;
		struct buf yaml, messages;

		buf_init(&yaml, 4 << 20);
		assert_int_equal(buf_add(&yaml, str_of(cases[i].head)), 0);
		for (size_t j = 0; j < cases[i].times; j++) {
			assert_int_equal(buf_add(&yaml,
						 str_of(cases[i].repeat)),
					 0);
		}
		assert_int_equal(buf_printf(&yaml, "%c", 0), 0);
		check_int(cases[i].name,
			  load(yaml.ptr, NULL, NULL, &cfg, &messages),
			  CONFIG_BAD);
		if (str_find(buf_str(&messages), str_of(cases[i].want)) ==
		    messages.len) {
			fail_msg("%s: got '" STR_FMT "'", cases[i].name,
				 STR_ARG(buf_str(&messages)));
		}
		buf_fini(&messages);
		buf_fini(&yaml);
	}
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
	static const struct {
		const char *name, *file, *want;
	} cases[] = {
		{ "a missing file", "/nonexistent/quipu.yaml",
		  "/nonexistent/quipu.yaml: error: cannot be read: No such "
		  "file or directory\n" },
		{ "a directory", "/tmp",
		  "/tmp: error: cannot be read: Is a directory\n" },
		{ "an endless file", "/dev/zero",
		  "/dev/zero: error: the file has more than 1048576 bytes\n" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct config_sources s = { .file = cases[i].file };
		struct config *cfg = NULL;
		struct buf messages;

		buf_init(&messages, CONFIG_MESSAGES_MAX);
		check_int(cases[i].name,
			  config_load(&s, test_types, &cfg, &messages),
			  CONFIG_BAD);
		check_str(cases[i].name, buf_str(&messages),
			  str_of(cases[i].want));
		buf_fini(&messages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_file_gets_its_messages),
		cmocka_unit_test(text_that_is_not_yaml_is_located),
		cmocka_unit_test(a_file_of_ogx_starts),
		cmocka_unit_test(providers_get_their_messages),
		cmocka_unit_test(errors_past_twenty_are_counted),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests_name("config load", tests, NULL, NULL);
}
