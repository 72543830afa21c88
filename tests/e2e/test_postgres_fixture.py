"""The tests' own PostgreSQL: it comes, goes, and leaves nothing behind."""
import os
import signal
import subprocess
import sys
import time

import postgres as module


def test_a_database_of_ones_own(postgres):
    first, second = postgres.database(), postgres.database()
    postgres.sql(first, "CREATE TABLE t (x int); INSERT INTO t VALUES (7)")
    assert postgres.sql(first, "SELECT x, x + 1 FROM t") == "7|8"
    assert postgres.sql(second, "SELECT count(*) FROM pg_tables WHERE tablename = 't'") == "0"
    assert postgres.socket_url(first).endswith("/" + first.rsplit("/", 1)[1])


def test_it_comes_back(postgres):
    url = postgres.database()
    postgres.sql(url, "CREATE TABLE t (x int)")
    postgres.restart("immediate")
    assert postgres.sql(url, "SELECT count(*) FROM t") == "0"
    postgres.stop("immediate")


def test_it_goes_with_whoever_asked_for_it(postgres):
    child = subprocess.Popen([sys.executable, "-c", "import postgres; p = postgres.Postgres();"
                              "print(p.folder, flush=True); input()"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True, cwd=os.path.dirname(module.__file__))
    folder = child.stdout.readline().strip()
    assert os.path.exists(folder)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    deadline = time.monotonic() + 60
    while os.path.exists(folder):
        assert time.monotonic() < deadline, f"{folder} is still there"
        time.sleep(0.05)
