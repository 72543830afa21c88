"""Playing needs no network: in a namespace without routes, and with a libc that cannot connect."""
import os
import re
import shutil
import subprocess
import sys

import pytest

from quipu import SLOW
from test_corpus import CORPUS
from upstream import completion

HERE = os.path.dirname(os.path.abspath(__file__))
ASK = {"model": "openai/m1", "messages": [{"role": "user", "content": "hi"}]}
KEY = "sk-test-0123456789abcdef"

# Only loopback, up: 0x8914 is SIOCSIFFLAGS, 1 is IFF_UP.
ALONE = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))
assert [name for _, name in socket.if_nameindex() if name != "lo"] == []
with open("/proc/net/route") as f:
    assert len(f.readlines()) == 1
print("no routes", flush=True)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def can_unshare():
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-n", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="no right to make a network namespace")
@pytest.mark.skipif(not os.path.isdir(CORPUS), reason="no ../shared/recordings")
def test_the_corpus_is_played_without_a_network():
    run = subprocess.run(["unshare", "-n", sys.executable, "-c", ALONE, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                          os.path.join(HERE, "test_corpus.py")], capture_output=True, text=True, timeout=50 * SLOW)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "no routes" in run.stdout and re.search(r"\b2 passed", run.stdout), run.stdout


NO_NETWORK = """
#include <stdlib.h>
int connect(int fd, const void *to, unsigned len)
{
	(void)fd, (void)to, (void)len;
	abort();
}
int getaddrinfo(const char *host, const char *service, const void *hints, void **out)
{
	(void)host, (void)service, (void)hints, (void)out;
	abort();
}
"""


@pytest.fixture
def no_network(tmp_path):
    """The environment of a program that ends when it connects or looks up a name."""
    cc = shutil.which("cc") or shutil.which("gcc")
    if cc is None:
        pytest.skip("no C compiler")
    with open(os.environ.get("QUIPU_BIN", "/dev/null"), "rb") as f:
        if b"__asan_init" in f.read() or os.environ.get("QUIPU_WRAPPER"):
            pytest.skip("a sanitizer wants to be the first library")
    source, library = tmp_path / "none.c", tmp_path / "none.so"
    source.write_text(NO_NETWORK)
    subprocess.run([cc, "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library)}


def test_playing_opens_no_socket_to_an_upstream(start, upstream, no_network, tmp_path):
    folder = str(tmp_path / "recordings")
    upstream.handler = lambda call: call.json(200, completion(content="kept"))
    q = start("--record-mode", "record", "--recordings", folder,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY})
    assert q.chat(ASK)[0] == 200
    q.stop()
    q = start("--record-mode", "replay", "--recordings", folder,
              env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY, **no_network})
    assert b"kept" in q.chat(ASK)[2]
    assert q.chat({**ASK, "n": 2})[0] == 422
    picture = {"type": "image_url", "image_url": {"url": upstream.root + "/a.png"}}
    assert q.chat({**ASK, "messages": [{"role": "user", "content": [picture]}]})[0] == 422
    assert q.request("GET", "/v1/models")[0] == 200
    assert q.request("POST", "/v1alpha/admin/reload")[0] == 200
    q.stop()


def test_that_library_would_tell(start, upstream, no_network):
    q = start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": KEY, **no_network}, wait=False)
    q.process.wait(20 * SLOW)
    q.stop(expect=-6, signal_it=False)
