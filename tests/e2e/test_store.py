"""The store of completions: where it is, what is kept, what goes wrong."""
import os
import re
import sqlite3
import subprocess

import pytest
from quipu import BIN


def test_the_place_that_was_asked_for_is_made(start, tmp_path):
    path = tmp_path / "a" / "b" / "x.db"
    q = start("--store", f"sqlite:{path}")
    assert f"store=sqlite:{path}\n" in q.text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    q.stop()
    assert sorted(os.listdir(path.parent)) == ["x.db"]


def test_the_default_is_in_the_state_directory(start, tmp_path):
    q = start(env={"QUIPU_STORE": "", "XDG_STATE_HOME": str(tmp_path / "state")})
    path = tmp_path / "state" / "quipu" / "quipu.db"
    assert f"store=sqlite:{path}\n" in q.text()
    assert path.exists()


def test_a_default_place_that_cannot_be_used_is_a_warning(start, tmp_path):
    (tmp_path / "file").write_text("")
    q = start(env={"QUIPU_STORE": "", "XDG_STATE_HOME": str(tmp_path / "file")})
    assert re.search(r"warn .*cannot make the folder .*file/quipu: Not a directory; completions are not kept",
                     q.text())
    assert q.request("GET", "/v1/health")[0] == 200


def test_without_a_home_there_is_a_warning(start):
    q = start(env={"QUIPU_STORE": "", "HOME": "", "XDG_STATE_HOME": ""})
    assert re.search(r"warn .*no home directory; completions are not kept", q.text())


def test_none_is_said(start, tmp_path):
    q = start(config="store: none\n", env={"QUIPU_STORE": "", "XDG_STATE_HOME": str(tmp_path)})
    assert "store=none\n" in q.text()
    assert not (tmp_path / "quipu").exists()


def foreign(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE chat_completions (id TEXT)")
    db.commit()
    db.close()


@pytest.mark.parametrize("how", ["flag", "file"])
def test_a_place_that_was_asked_for_must_be_usable(start, tmp_path, how):
    """OGX's own database is not touched."""
    path = tmp_path / "sql_store.db"
    foreign(path)
    before = path.read_bytes()
    if how == "flag":
        q = start("--store", f"sqlite:{path}", wait=False)
        origin = "--store"
    else:
        config = (f"storage:\n  backends: {{sql: {{type: sql_sqlite, db_path: '{path}'}}}}\n"
                  "  stores: {inference: {backend: sql}}\n")
        q = start(config=config, env={"QUIPU_STORE": ""}, wait=False)
        origin = f"{q.config_path}:3"
    assert q.process.wait(20) == 1
    text = q.stop(expect=1)
    assert "another program's" in text
    assert f"({origin}); name another place with --store, or keep nothing with --store none" in text
    assert path.read_bytes() == before


def test_a_reload_does_not_move_it(start, tmp_path):
    q = start(config=f"store: sqlite:{tmp_path}/a.db\n", env={"QUIPU_STORE": ""})
    q.configure(f"store: {{uri: 'sqlite:{tmp_path}/b.db'}}\n")
    q.process.send_signal(1)
    q.wait_text(r"store.uri: stays \S+ until a restart makes it \S+")
    q.wait_text("reloaded")
    assert not (tmp_path / "b.db").exists()


def test_config_check_makes_nothing(tmp_path):
    path = tmp_path / "x" / "y.db"
    done = subprocess.run([BIN, "config", "check", "--store", f"sqlite:{path}"], capture_output=True,
                          timeout=30, check=True)
    assert b"ok" in done.stdout
    assert not path.parent.exists()


def test_quipu_run_keeps_nothing_of_its_own_accord(tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    env = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path / "state")}
    args = [BIN, "run", "--recordings", str(recordings), "--port", "0"]
    done = subprocess.run([*args, "--", "true"], env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "state").exists()
    done = subprocess.run([*args, "--store", f"sqlite:{tmp_path}/r.db", "--", "true"], env=env,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.db").exists()
