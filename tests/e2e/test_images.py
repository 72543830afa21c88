"""Images that quipu fetches for upstreams that cannot, and those that it must not fetch."""
import base64
import json
import threading
import time

import pytest

from quipu import SLOW
from test_providers import KEYED, ask, error, one
from upstream import DONE, Upstream, chunk

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"j" * 50
GIF, WEBP = b"GIF89a" + b"g" * 9, b"RIFF\x10\0\0\0WEBPVP8 " + b"w" * 9
KIND = {"ollama": {}, "sambanova": KEYED}


@pytest.fixture
def pictures():
    """A web server on loopback; its answers are by path."""
    site = Upstream()
    site.pages = {"/a.png": (200, "image/png", PNG), "/b.jpg": (200, "image/jpeg", JPEG), "/c": (200, "IMAGE/gif", GIF),
                  "/d?x=1&y=%20": (200, "image/webp; q=1", WEBP)}

    def answer(call):
        page = site.pages.get(call.request.target)
        if callable(page):
            page(call)
        elif page is None:
            call.raw(404, b"no", content_type="text/plain")
        else:
            status, kind, body, *more = page
            call.raw(status, body, *more, content_type=kind)

    site.models = site.handler = answer
    yield site
    site.close()
    assert not site.errors, site.errors


def content(*urls, text="what is it"):
    return [{"role": "user", "content": [{"type": "text", "text": text}]
             + [{"type": "image_url", "image_url": {"url": u, "detail": "low"}} for u in urls]}]


def gateway(start, upstream, kind="ollama", **settings):
    settings.setdefault("image_hosts", ["127.0.0.1"])
    return start("--retries", "0", config=one("remote::" + kind, upstream.url, {**KIND[kind], **settings}))


def data_url(kind, body):
    return f"data:{kind};base64," + base64.b64encode(body).decode()


@pytest.mark.parametrize("kind", list(KIND))
def test_images_are_fetched_and_sent_as_data(start, upstream, pictures, kind):
    q = gateway(start, upstream, kind)
    urls = [pictures.root + path for path in pictures.pages]
    answer = ask(q, messages=content(*urls) + [{"role": "user", "content": "http://not.an/image"}])
    assert answer[0] == 200, answer
    sent = upstream.chat_requests()[0]
    wanted = content(data_url("image/png", PNG), data_url("image/jpeg", JPEG), data_url("image/gif", GIF), data_url("image/webp", WEBP))
    assert sent.json["messages"] == wanted + [{"role": "user", "content": "http://not.an/image"}]
    asked = {r.target: r for r in pictures.requests}
    assert set(asked) == set(pictures.pages)
    for r in asked.values():
        assert r.headers["host"] == f"127.0.0.1:{pictures.port}"
        assert set(r.headers) <= {"host", "accept", "user-agent", "accept-encoding", "connection"}, "no key leaves"


def test_all_other_bytes_stay(start, upstream, pictures):
    q = gateway(start, upstream)
    url = pictures.root + "/a.png"
    body = (b'{ "model":"p/m1" ,"messages":[{"role":"user","content":[ {"type":"image_url","image_url":{"url" : "%s" }},'
            b'{"type":"image_url","image_url":{"url":"data:image\\/png;base64,AA=="}}]}],"temperature":1.50}' % url.replace("/", "\\/").encode())
    assert q.chat(body)[0] == 200
    assert upstream.chat_requests()[0].body == body.replace(b'"p/m1"', b'"m1"').replace(
        url.replace("/", "\\/").encode(), data_url("image/png", PNG).encode())


def test_a_stream_and_its_retries_need_one_fetch(start, upstream, pictures):
    def handler(call):
        if len(upstream.chat_requests()) < 3:
            call.json(503, {"error": {"message": "no"}}, [("retry-after-ms", "1")])
        else:
            call.stream([chunk("a"), DONE])

    upstream.handler = handler
    q = start(config=one("remote::ollama", upstream.url, {"image_hosts": ["127.0.0.1"]}))
    status, _, body = ask(q, messages=content(pictures.root + "/a.png"), stream=True)
    assert status == 200 and body.endswith(DONE)
    assert len(upstream.chat_requests()) == 3 and len(pictures.requests) == 1
    assert len({r.body for r in upstream.chat_requests()}) == 1


def test_other_kinds_get_the_url(start, upstream, pictures):
    q = start(config=one("remote::openai", upstream.url, KEYED))
    assert ask(q, messages=content(pictures.root + "/a.png"))[0] == 200
    assert upstream.chat_requests()[0].json["messages"] == content(pictures.root + "/a.png")
    assert not pictures.requests


def test_it_can_be_off(start, upstream, pictures):
    q = gateway(start, upstream, download_images=False)
    assert ask(q, messages=content(pictures.root + "/a.png"))[0] == 200
    assert upstream.chat_requests()[0].json["messages"] == content(pictures.root + "/a.png")
    assert not pictures.requests


def refused(q, upstream, pictures, urls, words, at=0):
    before = len(upstream.chat_requests())
    answer = ask(q, messages=content(*urls))
    told = error(answer)
    assert answer[0] == 400 and told["code"] == "image_not_fetched", answer
    assert told["param"] == f"messages[0].content[{at + 1}].image_url.url" and told["param"] in told["message"]
    assert words in told["message"] and "data URL" in told["message"]
    assert len(upstream.chat_requests()) == before, "the upstream is not asked"


LOCAL = ["http://127.0.0.1:{port}/a.png", "http://localhost:{port}/a.png", "http://[::1]:{port}/a.png",
         "http://[::ffff:127.0.0.1]:{port}/a.png", "http://[::ffff:7f00:1]:{port}/a.png", "http://2130706433:{port}/a.png",
         "http://0x7f.1:{port}/a.png", "http://0177.0.0.1:{port}/a.png", "http://127.1:{port}/a.png",
         "http://0.0.0.0:{port}/a.png", "http://[::]:{port}/a.png", "HTTP://LOCALHOST:{port}/a.png",
         "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/", "http://10.0.0.1/x", "http://192.168.1.1/x",
         "http://172.31.255.255/x", "http://100.100.100.200/x", "http://168.63.129.16/x", "http://[fe80::1]/x", "http://224.0.0.1/x",
         "http://[64:ff9b::7f00:1]/x", "http://[2002:7f00:1::]/x", "http://255.255.255.255/x"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    from quipu import Quipu

    up = Upstream()
    q = Quipu(tmp_path_factory.mktemp("images"), "--retries", "0", config=one("remote::ollama", up.url, {}))
    yield q, up
    q.stop()
    up.close()


@pytest.mark.parametrize("url", LOCAL)
def test_addresses_that_are_not_public_are_not_asked(strict, pictures, url):
    q, up = strict
    refused(q, up, pictures, [url.format(port=pictures.port)], "public" if "0177" not in url else "")
    assert not pictures.requests and pictures.connections == 0


@pytest.mark.parametrize("url,words", [
    ("http://user:pass@127.0.0.1/x", "without a user"), ("http:///x", "not a URL"), ("http://a b/x", "not a URL"),
    ("http://127.0.0.1:99999/x", "not a URL"), ("http://a/\u00e9", "not a URL"), ("http://a/\r\nhost: b", "not a URL"),
    ("http://no-such-host.invalid/x", "name was not found"), ("http://" + "a" * 9000, "not a URL"),
])
def test_addresses_that_are_none(strict, pictures, url, words):
    q, up = strict
    refused(q, up, pictures, [url], words)


def page(status, kind, body, *headers):
    return lambda call: call.raw(status, body, list(headers), content_type=kind)


@pytest.mark.parametrize("name,answer,words", [
    ("not found", page(404, "image/png", PNG), "answered with an error"),
    ("a page", page(200, "text/html", PNG), "does not say that it is an image"),
    ("no type", lambda call: call.send(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"), "does not say"),
    ("a page that says it is one", page(200, "image/png", b"<html>secret</html>"), "no PNG, JPEG"),
    ("SVG", page(200, "image/svg+xml", b"<svg/>"), "no PNG, JPEG"),
    ("nothing", page(200, "image/png", b""), "no PNG, JPEG"),
    ("too large, as it says", page(200, "image/png", PNG * 1000), "too large"),
    ("too large", lambda call: (call.head(200, [("content-type", "image/png")]), call.send(PNG * 1000), call.hang_up()), "too large"),
    ("too large when inflated", lambda call: call.raw(200, __import__("gzip").compress(PNG + b"x" * 100000),
                                                      [("content-encoding", "gzip")], content_type="image/png"), "too large"),
    ("cut short", lambda call: (call.head(200, [("content-type", "image/png"), ("content-length", 500)]), call.send(PNG), call.hang_up()),
     "only in part"),
    ("silence", lambda call: call.wait_gone(10), "too long"),
    ("a drip", lambda call: [(call.send(b"x"), time.sleep(0.05)) for _ in range(200)], "too long"),
    ("no HTTP", lambda call: (call.send(b"220 mail ready\r\n"), call.hang_up()), "did not answer"),
    ("a redirection to nowhere", page(302, "text/html", b""), "to nowhere"),
    ("a redirection to a file", page(302, "x/y", b"", ("location", "file:///etc/passwd")), "not a URL"),
    ("a redirection to a socket", page(302, "x/y", b"", ("location", "unix:/run/x.sock")), ""),
    ("a redirection to itself", page(302, "x/y", b"", ("location", "/x")), "redirects too often"),
])
def test_what_is_no_image_is_refused(start, upstream, pictures, name, answer, words):
    pictures.pages["/x"] = answer
    q = gateway(start, upstream, image_bytes_max="16KB", image_timeout="700ms")
    begin = time.monotonic()
    refused(q, upstream, pictures, [pictures.root + "/a.png", pictures.root + "/x"], words, at=1)
    assert time.monotonic() - begin < 4 * SLOW
    told = error(ask(q, messages=content(pictures.root + "/x")))
    assert "secret" not in told["message"]


@pytest.mark.parametrize("location", ["/a.png", "//127.0.0.1:{port}/a.png", "http://127.0.0.1:{port}/a.png"])
def test_a_few_redirections_are_followed(start, upstream, pictures, location):
    pictures.pages["/1"] = page(301, "x/y", b"", ("location", "/2"))
    pictures.pages["/2"] = page(307, "x/y", b"", ("location", "/3"))
    pictures.pages["/3"] = page(302, "x/y", b"", ("location", location.format(port=pictures.port)))
    q = gateway(start, upstream)
    assert ask(q, messages=content(pictures.root + "/1"))[0] == 200
    assert upstream.chat_requests()[0].json["messages"] == content(data_url("image/png", PNG))


@pytest.mark.parametrize("host", ["localhost", "[::ffff:127.0.0.1]", "127.1"])
def test_a_redirection_to_a_private_address_is_not_followed(start, upstream, pictures, host):
    """127.0.0.1 is allowed by name; the same machine by another is not."""
    pictures.pages["/x"] = page(302, "x/y", b"", ("location", f"http://{host}:{pictures.port}/a.png"))
    q = gateway(start, upstream)
    refused(q, upstream, pictures, [pictures.root + "/x"], "not at a public address")
    assert [r.target for r in pictures.requests] == ["/x"]


def test_number_and_parallelism_have_limits(start, upstream, pictures):
    lock, now, most = threading.Lock(), [0], [0]

    def slow(call):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        call.raw(200, PNG, content_type="image/png")

    pictures.pages["/s"] = slow
    q = gateway(start, upstream)
    assert ask(q, messages=content(*[pictures.root + "/s"] * 16))[0] == 200
    assert len(pictures.requests) == 16 and most[0] == 4
    answer = ask(q, messages=content(*[pictures.root + "/s"] * 17))
    assert answer[0] == 400 and error(answer)["code"] == "too_many_images" and len(pictures.requests) == 16


def test_a_client_that_leaves_meanwhile_harms_nothing(start, upstream, pictures):
    pictures.pages["/x"] = lambda call: call.wait_gone(5)
    q = gateway(start, upstream, image_timeout="500ms")
    for _ in range(5):
        s = q.connect()
        body = json.dumps({"model": "p/m1", "messages": content(pictures.root + "/x")}).encode()
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                  b"content-length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.05)
        s.close()
    assert ask(q)[0] == 200
