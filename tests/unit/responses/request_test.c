/*
 * What may be asked of POST /v1/responses, and what is said of the rest.
 */
#include "responses/request.h"

#include "tests/unit/table.h"

#define INPUT "\"model\":\"m\",\"input\":\"hi\""
#define ITEM  "\"model\":\"m\",\"input\":[{"
#define PART  "\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{"
#define FN    "{\"type\":\"function\",\"name\":\"f\"}"
#define TOOLS INPUT ",\"tools\":[" FN "]"
#define CONV  "conv_0123456789abcdef0123456789abcdef0123456789abcdef"

static void parse(const char *name, struct str text, struct json *doc)
{
	struct json_error e;

	if (json_parse(text, NULL, doc, &e) != 0)
		fail_msg("%s: %s at %zu", name, e.what, e.offset);
}

static void refused(void **state)
{
	static const struct {
		const char *name;
		struct str body;
		int status;
		struct str param, message; /* a part of it */
	} rows[] = {
		{ "nothing", STR_INIT("{}"), 400, STR_INIT("model"),
		  STR_INIT("Missing required parameter: 'model'.") },
		{ "a list", STR_INIT("[]"), 400, STR_INIT(""),
		  STR_INIT("must be a JSON object") },
		{ "no input", STR_INIT("{\"model\":\"m\"}"), 400,
		  STR_INIT("input"),
		  STR_INIT("Missing required parameter: 'input'.") },
		{ "an empty model", STR_INIT("{\"model\":\"\",\"input\":\"\"}"),
		  400, STR_INIT("model"), STR_INIT("GET /v1/models") },
		{ "input of another type",
		  STR_INIT("{\"model\":\"m\",\"input\":{}}"), 400,
		  STR_INIT("input"), STR_INIT("a string or an array") },
		{ "an empty input", STR_INIT("{\"model\":\"m\",\"input\":[]}"),
		  400, STR_INIT("input"), STR_INIT("an empty array") },
		{ "no tool calls at all",
		  STR_INIT("{" INPUT ",\"max_tool_calls\":0}"), 400,
		  STR_INIT("max_tool_calls"),
		  STR_INIT("Invalid 'max_tool_calls': 0. Input should be "
			   "greater than or equal to 1.") },
		{ "no iterations",
		  STR_INIT("{" INPUT ",\"max_infer_iters\":0}"), 400,
		  STR_INIT("max_infer_iters"),
		  STR_INIT("greater than or equal to 1") },
		{ "too few tokens",
		  STR_INIT("{" INPUT ",\"max_output_tokens\":15}"), 400,
		  STR_INIT("max_output_tokens"), STR_INIT(">= 16") },
		{ "half a token",
		  STR_INIT("{" INPUT ",\"max_output_tokens\":16.5}"), 400,
		  STR_INIT("max_output_tokens"), STR_INIT("an integer") },
		{ "too hot", STR_INIT("{" INPUT ",\"temperature\":3.0}"), 400,
		  STR_INIT("temperature"), STR_INIT("<= 2") },
		{ "top_p over 1", STR_INIT("{" INPUT ",\"top_p\":1.5}"), 400,
		  STR_INIT("top_p"), STR_INIT("<= 1") },
		{ "a penalty", STR_INIT("{" INPUT ",\"presence_penalty\":-3}"),
		  400, STR_INIT("presence_penalty"), STR_INIT(">= -2") },
		{ "too many logprobs",
		  STR_INIT("{" INPUT ",\"top_logprobs\":21}"), 400,
		  STR_INIT("top_logprobs"), STR_INIT("<= 20") },
		{ "store as a word", STR_INIT("{" INPUT ",\"store\":\"yes\"}"),
		  400, STR_INIT("store"), STR_INIT("a boolean") },
		{ "in the background and streamed",
		  STR_INIT("{" INPUT ",\"background\":true,\"stream\":true}"),
		  400, STR_INIT("stream"), STR_INIT("'background'") },
		{ "in the background and not kept",
		  STR_INIT("{" INPUT ",\"background\":true,\"store\":false}"),
		  400, STR_INIT("store"), STR_INIT("'background'") },
		{ "two histories",
		  STR_INIT("{" INPUT ",\"previous_response_id\":\"resp_1\","
			   "\"conversation\":\"" CONV "\"}"),
		  400, STR_INIT("previous_response_id"),
		  STR_INIT("'previous_response_id' and 'conversation'") },
		{ "no conversation's id",
		  STR_INIT("{" INPUT ",\"conversation\":\"abc\"}"), 400,
		  STR_INIT("conversation"), STR_INIT("conv_") },
		{ "in capitals",
		  STR_INIT("{" INPUT ",\"conversation\":{\"id\":"
			   "\"conv_0123456789ABCDEF0123456789abcdef"
			   "0123456789abcdef\"}}"),
		  400, STR_INIT("conversation"), STR_INIT("conv_") },
		{ "an object without one",
		  STR_INIT("{" INPUT ",\"conversation\":{}}"), 400,
		  STR_INIT("conversation.id"), STR_INIT("Missing") },
		{ "guardrails", STR_INIT("{" INPUT ",\"guardrails\":[\"g\"]}"),
		  503, STR_INIT("guardrails"), STR_INIT("safety") },
		{ "truncation", STR_INIT("{" INPUT ",\"truncation\":\"yes\"}"),
		  400, STR_INIT("truncation"),
		  STR_INIT("'auto' and 'disabled'") },
		{ "an include",
		  STR_INIT("{" INPUT ",\"include\":[\"message.output_text."
			   "logprobs\",\"all\"]}"),
		  400, STR_INIT("include[1]"), STR_INIT("'all'") },
		{ "a number as metadata",
		  STR_INIT("{" INPUT ",\"metadata\":{\"a\":1}}"), 400,
		  STR_INIT("metadata.a"), STR_INIT("a string") },
		{ "a long key",
		  STR_INIT("{" INPUT ",\"prompt_cache_key\":\""
			   "0123456789012345678901234567890123456789"
			   "0123456789012345678901234\"}"),
		  400, STR_INIT("prompt_cache_key"), STR_INIT("at most 64") },
		{ "a long identifier",
		  STR_INIT("{" INPUT ",\"safety_identifier\":\""
			   "0123456789012345678901234567890123456789"
			   "0123456789012345678901234\"}"),
		  400, STR_INIT("safety_identifier"), STR_INIT("65 bytes") },
		{ "an option of a stream",
		  STR_INIT("{" INPUT ",\"stream_options\":{"
			   "\"include_usage\":true}}"),
		  400, STR_INIT("stream_options.include_usage"),
		  STR_INIT("Unknown parameter") },
		{ "obfuscation",
		  STR_INIT("{" INPUT ",\"stream_options\":{"
			   "\"include_obfuscation\":1}}"),
		  400, STR_INIT("stream_options.include_obfuscation"),
		  STR_INIT("a boolean") },
		{ "context management of another type",
		  STR_INIT("{" INPUT ",\"context_management\":[{"
			   "\"type\":\"x\"}]}"),
		  400, STR_INIT("context_management[0].type"),
		  STR_INIT("'compaction'") },
		{ "more than it has",
		  STR_INIT("{" INPUT ",\"context_management\":[{"
			   "\"type\":\"compaction\",\"a\":1}]}"),
		  400, STR_INIT("context_management[0].a"),
		  STR_INIT("Unknown parameter") },
		{ "effort",
		  STR_INIT("{" INPUT ",\"reasoning\":{\"effort\":1}}"), 400,
		  STR_INIT("reasoning.effort"), STR_INIT("a string") },
		{ "a prompt without an id",
		  STR_INIT("{" INPUT ",\"prompt\":{}}"), 400,
		  STR_INIT("prompt.id"), STR_INIT("Missing") },
		{ "a format",
		  STR_INIT("{" INPUT ",\"text\":{\"format\":{"
			   "\"type\":\"xml\"}}}"),
		  400, STR_INIT("text.format.type"),
		  STR_INIT("'json_schema'") },
		{ "a schema without a name",
		  STR_INIT("{" INPUT ",\"text\":{\"format\":{\"type\":"
			   "\"json_schema\",\"schema\":{}}}}"),
		  400, STR_INIT("text.format.name"), STR_INIT("Missing") },
		{ "a name without a schema",
		  STR_INIT("{" INPUT ",\"text\":{\"format\":{\"type\":"
			   "\"json_schema\",\"name\":\"n\"}}}"),
		  400, STR_INIT("text.format.schema"), STR_INIT("Missing") },
		{ "messages of a chat", STR_INIT("{" INPUT ",\"messages\":[]}"),
		  400, STR_INIT("messages"), STR_INIT("it is input.") },
		{ "a chat's format",
		  STR_INIT("{" INPUT ",\"response_format\":{}}"), 400,
		  STR_INIT("response_format"), STR_INIT("text.format") },
		{ "a chat's limit",
		  STR_INIT("{" INPUT ",\"max_completion_tokens\":9}"), 400,
		  STR_INIT("max_completion_tokens"),
		  STR_INIT("max_output_tokens") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct response_request req;
		struct api_error e = { 0 };
		struct arena a;
		struct json doc;

		arena_init(&a, 1 << 20);
		parse(rows[i].name, rows[i].body, &doc);
		check_int(rows[i].name, responses_read(&doc, &a, &req, &e),
			  API_FAIL);
		check_int(rows[i].name, e.status, rows[i].status);
		check_str(rows[i].name, e.param, rows[i].param);
		check_true(rows[i].name, e.with_detail);
		if (str_find(e.message, rows[i].message) == e.message.len) {
			fail_msg("%s: '" STR_FMT "' says nothing of '" STR_FMT
				 "'",
				 rows[i].name, STR_ARG(e.message),
				 STR_ARG(rows[i].message));
		}
		json_fini(&doc);
		arena_fini(&a);
	}
}

/* The body's path is what is wrong; "": nothing is. */
static void tools_and_items(void **state)
{
	static const struct {
		const char *name;
		struct str body;
		struct str param, message;
	} rows[] = {
		{ "tools as an object", STR_INIT("{" INPUT ",\"tools\":{}}"),
		  STR_INIT("tools"), STR_INIT("an array") },
		{ "a tool as a word", STR_INIT("{" INPUT ",\"tools\":[\"f\"]}"),
		  STR_INIT("tools[0]"), STR_INIT("an object") },
		{ "without a type", STR_INIT("{" INPUT ",\"tools\":[{}]}"),
		  STR_INIT("tools[0].type"), STR_INIT("Missing") },
		{ "without a name",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"function\"}]}"),
		  STR_INIT("tools[0].name"), STR_INIT("Missing") },
		{ "an empty name",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"function\","
			   "\"name\":\"\"}]}"),
		  STR_INIT("tools[0].name"), STR_INIT("at least one") },
		{ "parameters as a list",
		  STR_INIT("{" INPUT ",\"tools\":[" FN
			   ",{\"type\":\"function\",\"name\":\"g\","
			   "\"parameters\":[]}]}"),
		  STR_INIT("tools[1].parameters"), STR_INIT("an object") },
		{ "null parameters are none",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"function\","
			   "\"name\":\"g\",\"parameters\":null,"
			   "\"strict\":null}]}"),
		  STR_INIT(""), STR_INIT("") },
		{ "a search",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"web_search\"}]}"),
		  STR_INIT("tools[0].type"),
		  STR_INIT("'web_search' ('tools[0].type') are not supported "
			   "yet") },
		{ "an unknown type",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"magic\"}]}"),
		  STR_INIT("tools[0].type"),
		  STR_INIT("Supported values are: 'function'") },
		{ "MCP",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"mcp\","
			   "\"server_label\":\"s\"}]}"),
		  STR_INIT("tools[0].type"), STR_INIT("not supported yet") },
		{ "MCP with a token among its headers",
		  STR_INIT("{" INPUT ",\"tools\":[{\"type\":\"mcp\","
			   "\"headers\":{\"AUTHORIZATION\":\"x\"}}]}"),
		  STR_INIT("tools[0].headers.AUTHORIZATION"),
		  STR_INIT("'authorization' parameter") },
		{ "a choice",
		  STR_INIT("{" TOOLS ",\"tool_choice\":"
			   "\"invalid_choice\"}"),
		  STR_INIT("tool_choice"), STR_INIT("'invalid_choice'") },
		{ "a choice without a name",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{\"type\":"
			   "\"function\"}}"),
		  STR_INIT("tool_choice.name"), STR_INIT("Missing") },
		{ "a choice of what is not there",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{\"type\":"
			   "\"function\",\"name\":\"g\"}}"),
		  STR_INIT("tool_choice.name"), STR_INIT("'g'") },
		{ "a choice of a built-in tool",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{\"type\":"
			   "\"file_search\"}}"),
		  STR_INIT("tool_choice.type"), STR_INIT("not supported") },
		{ "a choice without a type",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{}}"),
		  STR_INIT("tool_choice.type"), STR_INIT("Missing") },
		{ "nothing allowed",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{\"type\":"
			   "\"allowed_tools\",\"tools\":[]}}"),
		  STR_INIT("tool_choice.tools"), STR_INIT("empty") },
		{ "allowed in another mode",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{\"type\":"
			   "\"allowed_tools\",\"mode\":\"none\","
			   "\"tools\":[" FN "]}}"),
		  STR_INIT("tool_choice.mode"), STR_INIT("'required'") },
		{ "allowed is what is not there",
		  STR_INIT("{" TOOLS ",\"tool_choice\":{\"type\":"
			   "\"allowed_tools\",\"tools\":[" FN
			   ",{\"type\":\"function\",\"name\":\"g\"}]}}"),
		  STR_INIT("tool_choice.tools[1].name"), STR_INIT("'g'") },
		{ "an item as a word",
		  STR_INIT("{\"model\":\"m\",\"input\":[\"hi\"]}"),
		  STR_INIT("input[0]"), STR_INIT("an object") },
		{ "an item of no type", STR_INIT("{" ITEM "}]}"),
		  STR_INIT("input[0].type"), STR_INIT("Missing") },
		{ "an item of an unknown type",
		  STR_INIT("{" ITEM "\"type\":\"computer_call\"}]}"),
		  STR_INIT("input[0].type"), STR_INIT("'item_reference'") },
		{ "a message of nobody",
		  STR_INIT("{" ITEM "\"role\":\"tool\",\"content\":\"x\"}]}"),
		  STR_INIT("input[0].role"), STR_INIT("'developer'") },
		{ "a message without content",
		  STR_INIT("{" ITEM "\"role\":\"user\"}]}"),
		  STR_INIT("input[0].content"), STR_INIT("Missing") },
		{ "a call without arguments",
		  STR_INIT("{" ITEM "\"type\":\"function_call\",\"call_id\":"
			   "\"c\",\"name\":\"f\"}]}"),
		  STR_INIT("input[0].arguments"), STR_INIT("Missing") },
		{ "an output without a call",
		  STR_INIT("{" ITEM "\"type\":\"function_call_output\","
			   "\"output\":\"x\"}]}"),
		  STR_INIT("input[0].call_id"), STR_INIT("Missing") },
		{ "an output of numbers",
		  STR_INIT("{" ITEM "\"type\":\"function_call_output\","
			   "\"call_id\":\"c\",\"output\":[1]}]}"),
		  STR_INIT("input[0].output[0]"), STR_INIT("an object") },
		{ "reasoning without text",
		  STR_INIT("{" ITEM "\"type\":\"reasoning\",\"summary\":[],"
			   "\"content\":[{\"type\":\"reasoning_text\"}]}]}"),
		  STR_INIT("input[0].content[0].text"), STR_INIT("Missing") },
		{ "a compaction without content",
		  STR_INIT("{" ITEM "\"type\":\"compaction\"}]}"),
		  STR_INIT("input[0].encrypted_content"), STR_INIT("Missing") },
		{ "a reference to nothing",
		  STR_INIT("{" ITEM "\"type\":\"item_reference\"}]}"),
		  STR_INIT("input[0].id"), STR_INIT("Missing") },
		{ "a chat's part",
		  STR_INIT("{" PART "\"type\":\"text\","
			   "\"text\":\"x\"}]}]}"),
		  STR_INIT("input[0].content[0].type"),
		  STR_INIT("'input_text'") },
		{ "a part without a type", STR_INIT("{" PART "}]}]}"),
		  STR_INIT("input[0].content[0].type"), STR_INIT("Missing") },
		{ "a text without one",
		  STR_INIT("{" PART "\"type\":\"input_text\"}]}]}"),
		  STR_INIT("input[0].content[0].text"), STR_INIT("Missing") },
		{ "a user that refuses",
		  STR_INIT("{" PART "\"type\":\"refusal\",\"refusal\":"
			   "\"no\"}]}]}"),
		  STR_INIT("input[0].content[0].type"),
		  STR_INIT("of an assistant") },
		{ "an image of a chat",
		  STR_INIT("{" PART "\"type\":\"input_image\",\"image_url\":"
			   "{\"url\":\"x\"}}]}]}"),
		  STR_INIT("input[0].content[0].image_url"),
		  STR_INIT("a string") },
		{ "an image of nothing",
		  STR_INIT("{" PART "\"type\":\"input_image\"}]}]}"),
		  STR_INIT("input[0].content[0].image_url"),
		  STR_INIT("Missing") },
		{ "an image by its id",
		  STR_INIT("{" PART "\"type\":\"input_image\",\"file_id\":"
			   "\"file-1\"}]}]}"),
		  STR_INIT("input[0].content[0].file_id"),
		  STR_INIT("Files by id are not supported yet; send the data, "
			   "as a data URL, in 'image_url' instead.") },
		{ "a file by its id",
		  STR_INIT("{" PART "\"type\":\"input_file\",\"file_id\":"
			   "\"file-1\"}]}]}"),
		  STR_INIT("input[0].content[0].file_id"),
		  STR_INIT("'file_data' instead.") },
		{ "a file of nothing",
		  STR_INIT("{" PART "\"type\":\"input_file\",\"filename\":"
			   "\"a.txt\"}]}]}"),
		  STR_INIT("input[0].content[0].file_data"),
		  STR_INIT("Missing") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct response_request req;
		struct api_error e = { 0 };
		struct arena a;
		struct json doc;

		arena_init(&a, 1 << 20);
		parse(rows[i].name, rows[i].body, &doc);
		check_int(rows[i].name, responses_read(&doc, &a, &req, &e),
			  rows[i].param.len > 0 ? API_FAIL : 0);
		check_str(rows[i].name, e.param, rows[i].param);
		check_int(rows[i].name, e.status,
			  rows[i].param.len > 0 ? 400 : 0);
		if (str_find(e.message, rows[i].message) == e.message.len &&
		    rows[i].message.len > 0) {
			fail_msg("%s: '" STR_FMT "' says nothing of '" STR_FMT
				 "'",
				 rows[i].name, STR_ARG(e.message),
				 STR_ARG(rows[i].message));
		}
		json_fini(&doc);
		arena_fini(&a);
	}
}

static void is_read(void **state)
{
	static const struct str body = STR_INIT(
		"{\"model\":\"p\\/m\",\"input\":\"hi\",\"stream\":true,"
		"\"store\":false,\"instructions\":\"be\\tshort\","
		"\"conversation\":{\"id\":\"" CONV "\"},"
		"\"tools\":[" FN ",{\"type\":\"function\",\"name\":\"g\"}],"
		"\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":"
		"\"required\",\"tools\":[{\"type\":\"function\",\"name\":"
		"\"g\"}]},\"parallel_tool_calls\":false,"
		"\"truncation\":\"auto\",\"top_logprobs\":2,"
		"\"max_output_tokens\":16,\"max_tool_calls\":3,"
		"\"include\":[\"reasoning.encrypted_content\"],"
		"\"context_management\":[{\"type\":\"compaction\","
		"\"compact_threshold\":100}],\"seed\":7,"
		"\"prompt\":{\"id\":\"pmpt_1\"}}");
	struct response_request req;
	struct api_error e = { 0 };
	struct arena a;
	struct json doc;

	(void)state;
	arena_init(&a, 1 << 20);
	parse("body", body, &doc);
	check_int("read", responses_read(&doc, &a, &req, &e), 0);
	check_str("model", req.model, STR("p/m"));
	check_str("instructions", req.instructions, STR("be\tshort"));
	check_str("conversation", req.conversation, STR(CONV));
	check_str("prompt", req.prompt_id, STR("pmpt_1"));
	check_true("stream", req.stream && !req.store && !req.background);
	check_true("parallel", !req.parallel_tool_calls);
	check_true("truncates", req.truncates);
	check_true("include", req.wants_logprobs && req.wants_encrypted);
	check_int("choice", req.choice, RESPONSE_CHOICE_REQUIRED);
	check_true("f",
		   !responses_offers(&req, responses_tool(&req, STR("f"))));
	check_true("g", responses_offers(&req, responses_tool(&req, STR("g"))));
	check_true("h",
		   !responses_offers(&req, responses_tool(&req, STR("h"))));
	check_int("iterations", req.max_infer_iters, 10);
	check_int("calls", req.max_tool_calls, 3);
	check_int("tokens", req.max_output_tokens, 16);
	check_int("threshold", req.compact_threshold, 100);
	check_true("seed",
		   responses_is_extra(&req, json_get(&doc, 0, STR("seed"))));
	check_true("store",
		   !responses_is_extra(&req, json_get(&doc, 0, STR("store"))));
	json_fini(&doc);
	arena_fini(&a);
}

/* What no request says. */
static void defaults(void **state)
{
	struct response_request req;
	struct api_error e = { 0 };
	struct arena a;
	struct json doc;

	(void)state;
	arena_init(&a, 1 << 20);
	parse("body",
	      STR("{" INPUT ",\"store\":null,\"parallel_tool_calls\":null,"
		  "\"tool_choice\":null,\"tools\":null,\"guardrails\":[]}"),
	      &doc);
	check_int("read", responses_read(&doc, &a, &req, &e), 0);
	check_true("no error", !e.with_detail && e.status == 0);
	check_true("store", req.store && !req.stream && !req.background);
	check_true("parallel", req.parallel_tool_calls);
	check_true("logprobs", !req.wants_logprobs && !req.wants_encrypted);
	check_int("choice", req.choice, RESPONSE_CHOICE_ABSENT);
	check_int("calls", req.max_tool_calls, -1);
	check_int("tokens", req.max_output_tokens, -1);
	check_int("top", req.top_logprobs, -1);
	check_int("threshold", req.compact_threshold, -1);
	check_true("tools", req.at[RESPONSE_TOOLS] == JSON_NONE);
	json_fini(&doc);
	arena_fini(&a);
}

/* With what came before there need be no input. */
static void nothing_new(void **state)
{
	static const struct {
		const char *name;
		struct str body;
	} rows[] = {
		{ "an earlier response",
		  STR_INIT(
			  "{\"model\":\"m\",\"previous_response_id\":\"r\"}") },
		{ "a conversation",
		  STR_INIT("{\"model\":\"m\",\"conversation\":\"" CONV "\"}") },
		{ "a prompt",
		  STR_INIT("{\"model\":\"m\",\"prompt\":{\"id\":\"p\"},"
			   "\"input\":[]}") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct response_request req;
		struct api_error e = { 0 };
		struct arena a;
		struct json doc;

		arena_init(&a, 1 << 20);
		parse(rows[i].name, rows[i].body, &doc);
		check_int(rows[i].name, responses_read(&doc, &a, &req, &e), 0);
		json_fini(&doc);
		arena_fini(&a);
	}
}

static void forms(void **state)
{
	static const struct {
		const char *name;
		struct str form, json;
	} rows[] = {
		{ "nothing", STR_INIT(""), STR_INIT("{}") },
		{ "words", STR_INIT("model=openai%2Fgpt-4o&input=Hello+world"),
		  STR_INIT("{\"model\":\"openai/gpt-4o\","
			   "\"input\":\"Hello world\"}") },
		{ "values", STR_INIT("stream=true&temperature=0.50&store=null"),
		  STR_INIT("{\"stream\":true,\"temperature\":0.50,"
			   "\"store\":null}") },
		{ "JSON", STR_INIT("tools=%5B%7B%22type%22%3A%22x%22%7D%5D"),
		  STR_INIT("{\"tools\":[{\"type\":\"x\"}]}") },
		{ "a list", STR_INIT("include=a&model=m&include=b%22"),
		  STR_INIT("{\"include\":[\"a\",\"b\\\"\"],"
			   "\"model\":\"m\"}") },
		{ "an empty value", STR_INIT("&input=&&model"),
		  STR_INIT("{\"input\":\"\",\"model\":\"\"}") },
		{ "a plus that is one", STR_INIT("input=1%2B1"),
		  STR_INIT("{\"input\":\"1+1\"}") },
		{ "a bad escape", STR_INIT("input=%zz"), STR_INIT("") },
		{ "half an escape", STR_INIT("input=%e"), STR_INIT("") },
		{ "no text", STR_INIT("input=%ff"), STR_INIT("") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		bool good = rows[i].json.len > 0;
		struct api_error e = { 0 };
		struct arena a;
		struct buf out;

		arena_init(&a, 1 << 20);
		buf_init(&out, 1 << 16);
		check_int(rows[i].name,
			  responses_of_form(rows[i].form, &a, &out, &e),
			  good ? 0 : API_FAIL);
		if (good) {
			check_str(rows[i].name, buf_str(&out), rows[i].json);
		} else {
			check_int(rows[i].name, e.status, 400);
		}
		buf_fini(&out);
		arena_fini(&a);
	}
}

static void large_forms(void **state)
{
	struct api_error e = { 0 };
	struct arena a;
	struct buf form, out;

	(void)state;
	arena_init(&a, 4 << 20);
	buf_init(&form, 1 << 20);
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 1024; i++)
		assert_int_equal(buf_add(&form, STR("a=1&")), 0);
	check_int("many", responses_of_form(buf_str(&form), &a, &out, &e), 0);
	assert_int_equal(buf_add(&form, STR("b=1")), 0);
	check_int("too many", responses_of_form(buf_str(&form), &a, &out, &e),
		  API_FAIL);
	out.max = 4;
	buf_clear(&out);
	check_true("no room", responses_of_form(STR("a=1"), &a, &out, &e) < 0);
	buf_fini(&form);
	buf_fini(&out);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(tools_and_items),
		cmocka_unit_test(is_read),
		cmocka_unit_test(defaults),
		cmocka_unit_test(nothing_new),
		cmocka_unit_test(forms),
		cmocka_unit_test(large_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
