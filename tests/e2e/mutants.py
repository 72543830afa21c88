"""Requests that are a little wrong, and what is wrong with them.

    for kind, text in mutants(seed, count):
        wrong = oracle(kind, text)

Each mutant is a valid request with one to three changes of its structure or its text.  The oracle is written from the API's
reference, not from the program: it gives the paths of all members that break a rule, {None} when the text is no JSON object,
and an empty set for what must pass.
"""
import copy
import json
import math
import random

DEPTH_MAX = 128

MESSAGES = [
    {"role": "system", "content": "be brief"},
    {"role": "developer", "content": [{"type": "text", "text": "be kind"}]},
    {"role": "user", "name": "ann", "content": [{"type": "text", "text": "what is \u00e9?"},
                                                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}]},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
    {"role": "user", "content": "go on"},
]
CHAT = {
    "model": "p/m1", "messages": MESSAGES, "temperature": 0.5, "top_p": 1, "n": 1, "max_tokens": 10, "max_completion_tokens": 10,
    "frequency_penalty": -2, "presence_penalty": 2.0, "logit_bias": {"50256": -100}, "logprobs": True, "top_logprobs": 3, "seed": -7,
    "stop": ["a", "b"], "user": "u", "stream": False, "stream_options": {"include_usage": True}, "parallel_tool_calls": True,
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}}, "reasoning_effort": "low", "service_tier": "auto", "store": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}, "metadata": {"a": "b"}, "my_own": {"x": [1]},
}
TEXT = {
    "model": "p/m1", "prompt": "once", "best_of": 2, "n": 1, "echo": True, "logprobs": 2, "max_tokens": 0, "seed": 1, "stop": "x",
    "stream": False, "suffix": "end", "temperature": 2, "top_p": 0, "user": "u", "frequency_penalty": 0, "presence_penalty": 0,
    "logit_bias": {"1": 1.5}, "my_own": None,
}
EMBED = {"model": "p/m1", "input": ["a", "b"], "encoding_format": "float", "dimensions": 8, "user": "u", "my_own": True}
RANK = {"model": "v/m1", "query": "q", "items": ["a", {"type": "text", "text": "b"}], "max_num_results": 1, "my_own": {}}
BASES = {
    "chat": [CHAT, {"model": "p/m1", "messages": MESSAGES[-1:]}, {"model": "p/m1", "messages": MESSAGES[-1:], "stream": True}],
    "completions": [TEXT, {**TEXT, "prompt": ["a", "b"], "logprobs": True}, {**TEXT, "prompt": [1, 2]}, {**TEXT, "prompt": [[1], [2, 3]]},
                    {"model": "p/m1", "prompt": "x", "stream": True}],
    "embeddings": [EMBED, {**EMBED, "input": "a"}, {**EMBED, "input": [[1, 2], [3]], "encoding_format": "base64"},
                   {"model": "p/m1", "input": [5]}],
    "rerank": [RANK, {**RANK, "query": {"type": "text", "text": "q"}},
               {**RANK, "items": [{"type": "image_url", "image_url": {"url": "data:,"}}, "a"]}],
}
VALUES = [None, True, False, 0, 1, -1, 2, 3, 5, 6, 20, 21, 128, 129, 1.5, -2.5, 2.0, 1e2, 2049, 2**31, 2**53, -(2**40), 1e300, "", "x", "5",
          "auto", "\u0000", "\ud83d\ude00", [], [None], [1], ["x"], [[]], [[1]], [-1], [1.5], [{}], {}, {"type": "text"}, {"a": 1}, {"a": "x"},
          {"type": 7}, {"type": "function"}, "user", "tool", "required", "base64", "none"]
RAW = [b"1e400", b"-0", b"1.0", b"01", b"1.", b".5", b"NaN", b"Infinity", b"'x'", b"\"\\ud800\"", b"\"\\x\"", b"\"a\nb\"", b"\"\xff\"",
       b"tru", b"[1,]", b"{\"a\":1,}", b"/**/1", b"\"" + b"y" * 5000 + b"\"", b"[" * 60 + b"]" * 60, b"[" * 500 + b"]" * 500, b"1E+2"]




NUMBERS = ["max_num_results", "temperature", "top_p", "n", "best_of", "max_tokens", "max_completion_tokens", "frequency_penalty", "presence_penalty",
           "top_logprobs", "logprobs", "seed", "dimensions"]
EDGES = [-3, -2.01, -2, -1, -0.5, 0, 0.5, 1, 1.01, 2, 2.01, 3, 5, 6, 20, 21, 128, 129]


def places(value, path=()):
    """All paths in a value."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found += places(child, path + (key,))
    return found


def parent_of(value, path):
    for key in path[:-1]:
        value = value[key]
    return value


def change(rng, body):
    """One change of the structure, in place; returns the new body."""
    if isinstance(body, dict) and rng.random() < 0.3:
        body[rng.choice(NUMBERS)] = rng.choice(EDGES)
        return body
    path = rng.choice(places(body))
    if not path:
        return body if rng.random() < 0.9 else copy.deepcopy(rng.choice(VALUES))
    parent, key = parent_of(body, path), path[-1]
    what = rng.randrange(5)
    if what == 0:
        del parent[key]
    elif what == 1 and isinstance(parent, dict):
        parent[rng.choice(["temperature", "n", "stop", "role", "content", "type", "zz", "input", "prompt", "stream", "tool_choice"])] = \
            copy.deepcopy(rng.choice(VALUES))
    elif what == 2 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(rng.choice(VALUES + parent)))
    else:
        parent[key] = copy.deepcopy(rng.choice(VALUES))
    return body


def spoil(rng, text):
    """One change of the text."""
    what = rng.randrange(8)
    at = rng.randrange(len(text) + 1)
    if what == 0:
        return text[:at]
    if what == 1:
        return text[:at] + bytes([rng.randrange(256)]) + text[at + 1:]
    if what == 2:
        return text[:at] + text[at + 1:]
    if what == 3:
        return text[:at] + rng.choice([b" ", b"\n", b",", b"}", b"]", b"\"", b"\\", b"\x00", b"\xc3", b"\xef\xbb\xbf"]) + text[at:]
    if what == 4:  # the same member once more
        names = [b"model", b"messages", b"n", b"stream", b"input", b"prompt", b"zz"]
        member = b'"' + rng.choice(names) + b'":' + json.dumps(rng.choice(VALUES)).encode()
        return text[:1] + member + b"," + text[1:] if text.startswith(b"{") and len(text) > 2 else text
    if what == 5:  # a number or a string becomes something raw
        parts = text.split(b":")
        i = rng.randrange(len(parts))
        end = min([x for x in (parts[i].find(b","), parts[i].find(b"}")) if x >= 0], default=len(parts[i]))
        parts[i] = rng.choice(RAW) + parts[i][end:]
        return b":".join(parts)
    if what == 6:
        return text.replace(b'":', b'" :\t', 3)
    return text + rng.choice([b"\n", b" x", b"{}", b"\x00", b""])


def mutants(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        kind = rng.choice(list(BASES))
        body = copy.deepcopy(rng.choice(BASES[kind]))
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            if isinstance(body, (dict, list)):
                body = change(rng, body)
        text = json.dumps(body, ensure_ascii=rng.random() < 0.5, separators=rng.choice([(",", ":"), (", ", ": ")]))
        text = text.encode("utf-8", "surrogatepass")
        if rng.random() < 0.3:
            text = spoil(rng, text)
        yield kind, text


# The oracle.

def depth_of(text):
    """The depth of nesting, without a parser's recursion."""
    most = depth = 0
    quoted = escaped = False
    for c in text:
        if quoted:
            quoted = escaped or c != 0x22
            escaped = c == 0x5c and not escaped
        elif c == 0x22:
            quoted = True
        elif c in b"[{":
            depth += 1
            most = max(most, depth)
        elif c in b"]}":
            depth -= 1
    return most


def parse(text):
    def refuse(word):
        raise ValueError(word)

    if depth_of(text) > DEPTH_MAX:
        raise ValueError("too deep")
    return json.loads(text.decode("utf-8"), parse_constant=refuse)


def is_number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def is_int(v):
    return is_number(v) and float(v).is_integer()


class Rules:
    """Collects the paths that break a rule."""

    def __init__(self):
        self.wrong = set()

    def need(self, ok, path):
        if not ok:
            self.wrong.add(path)
        return ok

    def number(self, body, name, low, high, whole=False):
        v = body.get(name)
        if v is not None and self.need(is_int(v) if whole else is_number(v), name):
            self.need(low <= v <= high, name)

    def common(self, body):
        self.need(isinstance(body.get("model"), str) and body["model"] != "", "model")
        for name in ("stream", "parallel_tool_calls", "store", "echo"):
            self.need(body.get(name) is None or isinstance(body[name], bool), name)
        self.need(body.get("user") is None or isinstance(body["user"], str), "user")

    def sampling(self, body, huge=math.inf):
        self.number(body, "temperature", 0, 2)
        self.number(body, "top_p", 0, 1)
        self.number(body, "frequency_penalty", -2, 2)
        self.number(body, "presence_penalty", -2, 2)
        self.number(body, "seed", -huge, huge, True)
        bias, stop = body.get("logit_bias"), body.get("stop")
        self.need(bias is None or (isinstance(bias, dict) and all(is_number(v) for v in bias.values())), "logit_bias")
        self.need(stop is None or isinstance(stop, str) or (isinstance(stop, list) and all(isinstance(x, str) for x in stop)), "stop")
        options = body.get("stream_options")
        if options is not None and self.need(isinstance(options, dict), "stream_options"):
            for name in ("include_usage", "include_obfuscation"):
                self.need(options.get(name) is None or isinstance(options[name], bool), "stream_options." + name)

    def strings(self, value, names, path):
        for name in names:
            self.need(value.get(name) is None or isinstance(value[name], str), path + name)

    def part(self, part, path):
        if not self.need(isinstance(part, dict), path) or not self.need(isinstance(part.get("type"), str), path + ".type"):
            return
        if part["type"] == "text":
            self.need(isinstance(part.get("text"), str), path + ".text")
        if part["type"] == "image_url":
            self.need(isinstance(part.get("image_url"), (str, dict)), path + ".image_url")

    def call(self, call, path):
        if not self.need(isinstance(call, dict), path):
            return
        self.strings(call, ("id", "type"), path + ".")
        for name in ("function", "custom"):
            self.need(call.get(name) is None or isinstance(call[name], dict), path + "." + name)
        if isinstance(call.get("function"), dict):
            self.need(isinstance(call["function"].get("name"), str), path + ".function.name")
            self.strings(call["function"], ("arguments",), path + ".function.")

    def message(self, m, path):
        if not self.need(isinstance(m, dict), path):
            return
        role, content, calls = m.get("role"), m.get("content"), m.get("tool_calls")
        self.need(role in ("system", "developer", "user", "assistant", "tool", "function") if isinstance(role, str) else False,
                  path + ".role")
        optional = role in ("assistant", "function")
        if self.need(isinstance(content, (str, list)) or (content is None and optional), path + ".content"):
            for i, p in enumerate(content if isinstance(content, list) else ()):
                self.part(p, f"{path}.content[{i}]")
        self.strings(m, ("name", "tool_call_id"), path + ".")
        if role == "tool":
            self.need(isinstance(m.get("tool_call_id"), str), path + ".tool_call_id")
        if role == "function":
            self.need(isinstance(m.get("name"), str), path + ".name")
        if self.need(calls is None or isinstance(calls, list), path + ".tool_calls"):
            for i, c in enumerate(calls or ()):
                self.call(c, f"{path}.tool_calls[{i}]")

    def tool(self, tool, path):
        if not self.need(isinstance(tool, dict), path) or not self.need(isinstance(tool.get("type"), str), path + ".type"):
            return
        f = tool.get("function")
        self.need(f is None or isinstance(f, dict), path + ".function")
        if tool["type"] != "function" or not self.need(isinstance(f, dict), path + ".function"):
            return
        self.need(isinstance(f.get("name"), str), path + ".function.name")
        self.strings(f, ("description",), path + ".function.")
        self.need(f.get("parameters") is None or isinstance(f["parameters"], dict), path + ".function.parameters")

    def tool_choice(self, body):
        choice = body.get("tool_choice")
        if choice is None:
            return
        if not self.need(choice in ("auto", "none", "required", "any") if isinstance(choice, str) else isinstance(choice, dict),
                         "tool_choice"):
            return
        self.need(body.get("tools") is not None, "tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "function":
            f = choice.get("function")
            self.need(isinstance(f, dict) and isinstance(f.get("name"), str), "tool_choice.function.name")

    def format(self, body):
        f = body.get("response_format")
        if f is None or not self.need(isinstance(f, dict), "response_format"):
            return
        self.need(isinstance(f.get("type"), str), "response_format.type")
        for name in ("json_schema", "schema"):
            self.need(f.get(name) is None or isinstance(f[name], dict), "response_format." + name)
        if f.get("type") == "json_schema":
            self.need(f.get("json_schema") is not None or f.get("schema") is not None, "response_format.json_schema")

    def chat(self, body):
        self.sampling(body)
        self.number(body, "n", 1, math.inf, True)
        self.number(body, "max_tokens", 1, math.inf, True)
        self.number(body, "max_completion_tokens", 1, math.inf, True)
        self.number(body, "top_logprobs", 0, 20, True)
        self.need(body.get("logprobs") is None or isinstance(body["logprobs"], bool), "logprobs")
        self.strings(body, ("reasoning_effort", "service_tier"), "")
        self.need(body.get("metadata") is None or isinstance(body["metadata"], dict), "metadata")
        messages, tools = body.get("messages"), body.get("tools")
        if self.need(isinstance(messages, list) and len(messages) > 0, "messages"):
            for i, m in enumerate(messages):
                self.message(m, f"messages[{i}]")
        if self.need(tools is None or isinstance(tools, list), "tools"):
            for i, t in enumerate(tools or ()):
                self.tool(t, f"tools[{i}]")
        self.tool_choice(body)
        self.format(body)

    def tokens(self, v, path):
        if self.need(isinstance(v, list) and len(v) > 0, path):
            for i, x in enumerate(v):
                self.need(is_int(x) and 0 <= x < 2**63, f"{path}[{i}]")

    def input(self, v, path, most=math.inf):
        if isinstance(v, str):
            return
        if not self.need(isinstance(v, list) and 0 < len(v) <= most, path):
            return
        if is_number(v[0]):
            self.tokens(v, path)
        elif isinstance(v[0], list):
            for i, x in enumerate(v):
                self.tokens(x, f"{path}[{i}]")
        else:
            for i, x in enumerate(v):
                self.need(isinstance(x, str), f"{path}[{i}]")

    def completions(self, body):
        self.sampling(body)
        if "prompt" not in body or body["prompt"] is not None:
            self.input(body.get("prompt"), "prompt")
        self.number(body, "n", 1, 128, True)
        self.number(body, "best_of", 0, 20, True)
        self.number(body, "max_tokens", 0, math.inf, True)
        if not isinstance(body.get("logprobs"), bool):
            self.number(body, "logprobs", 0, 5, True)
        if is_number(body.get("best_of")) and is_number(body.get("n")):
            self.need(body["best_of"] >= body["n"], "best_of")
        self.strings(body, ("suffix",), "")

    def text_or_image(self, v, path):
        """The upstream of these tests cannot rank images: they are refused, too."""
        if isinstance(v, str) or not self.need(isinstance(v, dict), path):
            return
        kind, image = v.get("type"), v.get("image_url")
        self.need(kind in ("text", "image_url") if isinstance(kind, str) else False, path + ".type")
        self.need(v.get("text") is None or isinstance(v["text"], str), path + ".text")
        if kind == "text":
            self.need(isinstance(v.get("text"), str), path + ".text")
        if kind == "image_url" and self.need(isinstance(image, dict), path + ".image_url"):
            self.need(isinstance(image.get("url"), str), path + ".image_url.url")
            self.wrong.add(path)

    def rerank(self, body):
        self.text_or_image(body.get("query"), "query")
        self.number(body, "max_num_results", 1, math.inf, True)
        items = body.get("items")
        if self.need(isinstance(items, list) and len(items) > 0, "items"):
            for i, x in enumerate(items):
                self.text_or_image(x, f"items[{i}]")

    def embeddings(self, body):
        self.input(body.get("input"), "input", 2048)
        self.need(body.get("encoding_format") in (None, "float", "base64"), "encoding_format")
        self.number(body, "dimensions", 1, math.inf, True)
        for name in ("dimensions", "user"):
            self.need(name not in body or body[name] is not None, name)


def oracle(kind, text):
    try:
        body = parse(text)
    except (ValueError, RecursionError):
        return {None}
    if not isinstance(body, dict):
        return {None}
    rules = Rules()
    rules.common(body)
    getattr(rules, kind)(body)
    if kind != "chat":
        rules.wrong.discard("parallel_tool_calls")
        rules.wrong.discard("store")
    if kind != "completions":
        rules.wrong.discard("echo")
    if kind in ("embeddings", "rerank"):
        rules.wrong.discard("stream")
    if kind == "rerank":
        rules.wrong.discard("user")
    return rules.wrong
