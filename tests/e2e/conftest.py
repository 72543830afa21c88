import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from certs import authority  # noqa: E402,F401
from postgres import Postgres  # noqa: E402
from quipu import Quipu  # noqa: E402
from upstream import Upstream  # noqa: E402


@pytest.fixture
def upstream():
    up = Upstream()
    yield up
    up.close()
    assert not up.errors, up.errors


@pytest.fixture
def start(tmp_path):
    """start(*flags, env={...}, config="yaml"): a quipu that must end cleanly."""
    running = []

    def go(*flags, **kw):
        directory = tmp_path / f"quipu{len(running)}"
        directory.mkdir()
        q = Quipu(directory, *flags, **kw)
        running.append(q)
        return q

    yield go
    for q in running:
        if not q.log.closed:
            q.stop()


@pytest.fixture
def gateway(start, upstream):
    """quipu in front of the upstream, as provider openai."""
    return start(env={"OPENAI_BASE_URL": upstream.url, "OPENAI_API_KEY": "sk-test-0123456789"})


@pytest.fixture(scope="session")
def postgres_server():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def postgres(postgres_server):
    """The session's server; a test that stopped it finds it started again."""
    if postgres_server.missing:
        pytest.skip(postgres_server.missing)
    yield postgres_server
    try:
        postgres_server.sql("/postgres", "SELECT 1")
    except AssertionError:
        postgres_server.start()
