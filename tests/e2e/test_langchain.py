"""LangChain's ChatOpenAI on the Responses API: echo, an upstream that is told what to say, and recordings."""
import json
import os

import pytest

langchain_openai = pytest.importorskip(
    "langchain_openai", reason="the package langchain-openai is not installed: test_langchain is skipped")

from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage  # noqa: E402
from langchain_core.prompts import ChatPromptTemplate  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from pydantic import BaseModel  # noqa: E402
from quipu import ROOT, SLOW  # noqa: E402
from test_responses_sdk import call_of, delta, says  # noqa: E402

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "recordings")


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"{city} is warm."


class City(BaseModel):
    """A city."""
    name: str
    people: int


def model_of(q, model="openai/m1", **kw):
    return langchain_openai.ChatOpenAI(base_url=q.url + "/v1", api_key="none", model=model, use_responses_api=True,
                                       max_retries=0, timeout=60 * SLOW, **kw)


@pytest.fixture
def server(start, upstream, tmp_path):
    return start("--store", f"sqlite:{tmp_path}/q.db",
                 env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})


def test_echo(server):
    model = model_of(server, "echo/echo")
    answer = model.invoke([SystemMessage("be kind"), HumanMessage("one two")])
    assert answer.text == "one two" and answer.usage_metadata["total_tokens"] > 0
    assert "".join(c.text for c in model.stream("one two three")) == "one two three"


def test_turns_by_hand(server, upstream):
    model = model_of(server)
    said = [HumanMessage("one")]
    said += [model.invoke(said), HumanMessage("two")]
    assert model.invoke(said).text == "Hello"
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "user"]


def test_turns_that_the_server_keeps(server, upstream):
    model = model_of(server, use_previous_response_id=True)
    said = [HumanMessage("one")]
    for text in ("two", "three"):
        said += [model.invoke(said), HumanMessage(text)]
    assert model.invoke(said).text == "Hello"
    sent = upstream.chat_requests()[-1].json["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant"] * 2 + ["user"]


@pytest.mark.parametrize("streamed", [False, True])
def test_tools(server, upstream, streamed):
    def handler(call):
        after = call.request.json["messages"][-1]["role"] == "tool"
        call.stream(says("Warm.") if after else call_of("weather", '{"city":"Lima"}'))

    upstream.handler = handler
    model = model_of(server).bind_tools([weather], strict=True)

    def ask(messages):
        if not streamed:
            return model.invoke(messages)
        whole = None
        for part in model.stream(messages):
            whole = part if whole is None else whole + part
        return whole

    said = [HumanMessage("How is Lima?")]
    said.append(ask(said))
    assert [(c["name"], c["args"]) for c in said[-1].tool_calls] == [("weather", {"city": "Lima"})]
    said += [weather.invoke(c) for c in said[-1].tool_calls]
    assert isinstance(said[-1], ToolMessage)
    assert ask(said).text == "Warm."
    sent = upstream.chat_requests()[-1].json
    assert sent["messages"][-1]["content"] == "Lima is warm." and sent["tools"][0]["function"]["strict"] is True


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structure(server, upstream, method):
    text = '{"name":"Lima","people":10}'
    upstream.handler = lambda call: call.stream(says(text) if method == "json_schema" else call_of("City", text))
    assert model_of(server).with_structured_output(City, method=method).invoke("x") == City(name="Lima", people=10)


def test_reasoning(server, upstream):
    upstream.handler = lambda call: call.stream([delta(reasoning_content="hm"), *says("42")])
    answer = model_of(server, reasoning={"effort": "low"}).invoke("x")
    assert answer.text == "42" and [b["type"] for b in answer.content_blocks][0] == "reasoning"


def test_errors(server, upstream):
    openai = pytest.importorskip("openai")
    upstream.handler = lambda call: call.json(400, {"error": {"message": "no!", "code": "c"}})
    with pytest.raises(openai.BadRequestError, match="no!"):
        model_of(server).invoke("x")


def test_a_recorded_chain(start, tmp_path):
    if not os.path.isdir(CORPUS):
        pytest.skip(f"no recordings: {CORPUS} is absent")
    q = start("--record-mode", "replay", "--recordings", CORPUS)
    test = ("tests/integration/responses/test_langchain_responses.py::test_langchain_chain[openai_client-openai/gpt-4o"
            "-openai/gpt-4o-sentence-transformers/nomic-ai/nomic-embed-text-v1.5-None-transformers/Qwen/"
            "Qwen3-Reranker-0.6B]")
    model = model_of(q, "openai/gpt-4o", default_headers={"X-OGX-Provider-Data": json.dumps({"__test_id": test})})
    chain = ChatPromptTemplate.from_messages([
        ("system", "You are a helpful assistant specializing in {subject}."), ("human", "{question}")]) | model
    asked = {"subject": "geography", "question": "What are the three largest countries by area?"}
    whole = chain.invoke(asked).text
    assert "Russia" in whole and "Canada" in whole
    assert "".join(p.text for p in chain.stream(asked)) == whole
