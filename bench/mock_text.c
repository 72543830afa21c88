#include "bench/mock_text.h"

#include "bench/tool.h"

#include <stdio.h>

enum {
	WHOLE_MAX = 2048,
	KINDS = MOCK_TEXT_DONE + 1,
	MARK_DIGITS = 16,
};

#define COMMON_HEADERS                                           \
	"x-request-id: req_9f2c41d07e6b4b0f8f53a1c2d3e4f506\r\n" \
	"openai-processing-ms: 12\r\n"                           \
	"openai-version: 2020-10-01\r\n"

#define CHUNK_START                                          \
	"{\"id\":\"chatcmpl-BkQ1aVdG7pWJ4Lx2bR9tN4sYc3Mf\"," \
	"\"object\":\"chat.completion.chunk\","              \
	"\"created\":1763690000,"                            \
	"\"model\":\"gpt-4o-2024-08-06\","

static const char mark[] = "0000000000000000";

static const char *const payloads[KINDS] = {
	[MOCK_TEXT_ROLE] = CHUNK_START
	"\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
	"\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
	"\"finish_reason\":null}]}",
	[MOCK_TEXT_DELTA] =
		CHUNK_START "\"choices\":[{\"index\":0,\"delta\":{\"content\":"
			    "\"0000000000000000\"},\"logprobs\":null,"
			    "\"finish_reason\":null}]}",
	[MOCK_TEXT_FINISH] = CHUNK_START
	"\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
	"\"finish_reason\":\"stop\"}]}",
	[MOCK_TEXT_USAGE] =
		CHUNK_START "\"choices\":[],\"usage\":{\"prompt_tokens\":250,"
			    "\"completion_tokens\":100,\"total_tokens\":350}}",
	[MOCK_TEXT_DONE] = "[DONE]",
};

static const char chat_body[] =
	"{\"id\":\"chatcmpl-BkQ1aVdG7pWJ4Lx2bR9tN4sYc3Mf\","
	"\"object\":\"chat.completion\",\"created\":1763690000,"
	"\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,"
	"\"message\":{\"role\":\"assistant\",\"content\":"
	"\"A quipu is a knotted cord.\",\"refusal\":null},"
	"\"logprobs\":null,\"finish_reason\":\"stop\"}],"
	"\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":9,"
	"\"total_tokens\":259},\"system_fingerprint\":\"fp_07871e2ad8\"}\n";

static const char models_body[] =
	"{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o\","
	"\"object\":\"model\",\"created\":1715367049,"
	"\"owned_by\":\"system\"}]}\n";

static const char not_found_body[] =
	"{\"error\":{\"message\":\"Not a path of the mock.\","
	"\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}\n";

static struct {
	char chat[WHOLE_MAX], models[WHOLE_MAX], not_found[WHOLE_MAX];
	char event[KINDS][MOCK_TEXT_EVENT_MAX];
	size_t event_len[KINDS];
	size_t mark_at; /* in the delta */
} texts;

static void make_whole(char out[WHOLE_MAX], const char *status,
		       const char *body)
{
	int n = snprintf(out, WHOLE_MAX,
			 "HTTP/1.1 %s\r\n"
			 "Content-Type: application/json\r\n"
			 "Content-Length: %zu\r\n" COMMON_HEADERS "\r\n%s",
			 status, strlen(body), body);

	if (n < 0 || n >= WHOLE_MAX)
		tool_die("an answer of the mock is too long");
}

static void make_event(enum mock_text_event kind)
{
	char *out = texts.event[kind];
	int n = snprintf(out, MOCK_TEXT_EVENT_MAX, "%zx\r\ndata: %s\n\n\r\n%s",
			 strlen(payloads[kind]) + 8, payloads[kind],
			 kind == MOCK_TEXT_DONE ? "0\r\n\r\n" : "");

	if (n < 0 || n >= MOCK_TEXT_EVENT_MAX)
		tool_die("an event of the mock is too long");
	texts.event_len[kind] = (size_t)n;
}

void mock_text_init(void)
{
	make_whole(texts.chat, "200 OK", chat_body);
	make_whole(texts.models, "200 OK", models_body);
	make_whole(texts.not_found, "404 Not Found", not_found_body);
	for (int i = 0; i < KINDS; i++)
		make_event((enum mock_text_event)i);
	texts.mark_at =
		str_find(str_of(texts.event[MOCK_TEXT_DELTA]), str_of(mark));
}

struct str mock_text_chat(void)
{
	return str_of(texts.chat);
}

struct str mock_text_models(void)
{
	return str_of(texts.models);
}

struct str mock_text_not_found(void)
{
	return str_of(texts.not_found);
}

struct str mock_text_stream_head(void)
{
	return STR("HTTP/1.1 200 OK\r\n"
		   "Content-Type: text/event-stream; charset=utf-8\r\n"
		   "Cache-Control: no-cache\r\n" COMMON_HEADERS
		   "Transfer-Encoding: chunked\r\n\r\n");
}

struct str mock_text_event(enum mock_text_event kind, int64_t now_ns,
			   char out[MOCK_TEXT_EVENT_MAX])
{
	size_t n = texts.event_len[kind];

	memcpy(out, texts.event[kind], n);
	if (kind != MOCK_TEXT_DELTA)
		return (struct str){ out, n };
	for (size_t i = 0; i < MARK_DIGITS; i++) {
		unsigned digit = (unsigned)(now_ns >> (60 - 4 * i)) & 15;

		out[texts.mark_at + i] = "0123456789abcdef"[digit];
	}
	return (struct str){ out, n };
}
