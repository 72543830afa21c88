"""The store when the disk is full, a lock is held, a file is damaged, or the power goes."""
import contextlib
import os
import sqlite3
import subprocess

import killing
import pytest
from killing import chat, look, rows, wait_for
from quipu import BIN, SLOW

@contextlib.contextmanager
def mounted(path, options):
    """A small disk of its own; who may not mount skips, and says so."""
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True,
                          text=True, check=False, timeout=20)
    if done.returncode != 0:
        pytest.skip(f"a disk that is full needs the right to mount one: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True, timeout=20)


def remount(path, options):
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True, timeout=20)


def test_a_full_disk_loses_nothing_that_was_kept(start, tmp_path):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        q = start("--store", f"sqlite:{disk}/q.db")
        kept, late = [], []
        for n in range(400):
            ident = chat(q, f"{n} " + "x" * 40000)
            (late if look(q, ident)[0] != 200 else kept).append((n, ident))
            if late:
                break
        assert late and len(kept) > 10
        q.wait_text("store: cannot write, tries again: .*disk is full")
        # Answers go on, and so do reads of what is committed.
        late.append((n + 1, chat(q, f"{n + 1} more")))
        status, body = look(q, late[0][1])
        assert status == 503, body
        assert "full" in body["error"]["message"]
        for _, ident in kept[:5]:
            assert look(q, ident)[0] == 200
        remount(disk, "size=64m")
        q.wait_text("store: writes again")
        for n, ident in kept + late:
            assert wait_for(q, ident, 200)["input_messages"][0]["content"].startswith(f"{n} ")
        q.stop()
        assert rows(f"sqlite:{disk}/q.db") == len(kept) + len(late)


def test_a_disk_that_cannot_be_written(start, tmp_path):
    with mounted(tmp_path / "disk", "size=4m") as disk:
        remount(disk, "ro")
        q = start("--store", f"sqlite:{disk}/q.db", wait=False)
        assert q.process.wait(20 * SLOW) == 1
        assert "q.db: cannot be opened: Read-only file system" in q.stop(expect=1)
        remount(disk, "rw")
        q = start("--store", f"sqlite:{disk}/q.db")
        ident = chat(q, "hi")
        assert look(q, ident)[0] == 200
        q.stop()


def test_a_folder_that_cannot_be_written(start, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere: see the disk that cannot be written")
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    q = start("--store", f"sqlite:{folder}/q.db", wait=False)
    assert q.process.wait(20 * SLOW) == 1
    assert "q.db: cannot be opened: Permission denied" in q.stop(expect=1)


def test_a_lock_is_waited_for(start, tmp_path):
    path = tmp_path / "q.db"
    q = start("--store", f"sqlite:{path}")
    before = chat(q, "before")
    assert look(q, before)[0] == 200
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    ident = chat(q, "locked")
    assert look(q, before)[0] == 200
    status, body = look(q, ident)
    assert status == 503 and "locked" in body["error"]["message"], body
    second = start("--store", f"sqlite:{path}", wait=False)
    assert second.process.wait(30 * SLOW) == 1
    assert "database is locked" in second.stop(expect=1)
    db.execute("ROLLBACK")
    db.close()
    wait_for(q, ident, 200)


@pytest.mark.parametrize("how, words", [
    ("noise", "file is not a database"),
    ("newer", "the schema is version 1000, newer than"),
    ("foreign", "another program's database"),
])
def test_files_that_are_refused(start, tmp_path, how, words):
    path = tmp_path / "q.db"
    if how == "noise":
        path.write_bytes(b"noise" * 4000)
    elif how == "newer":
        start("--store", f"sqlite:{path}").stop()
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 1000")
    else:
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    q = start("--store", f"sqlite:{path}", wait=False)
    assert q.process.wait(20 * SLOW) == 1
    text = q.stop(expect=1)
    assert words in text and "name another place with --store" in text
    assert path.read_bytes() == before


def test_pages_that_are_damaged_are_told(start, tmp_path):
    path = tmp_path / "q.db"
    q = start("--store", f"sqlite:{path}")
    idents = [chat(q, f"{n} " + "x" * 3000) for n in range(60)]
    assert look(q, idents[-1])[0] == 200
    q.stop()
    with path.open("r+b") as f:
        f.seek(4096 * 12)
        f.write(b"\xa5" * 4096 * 20)
    done = subprocess.run([BIN, "store", "check", "--store", f"sqlite:{path}"], capture_output=True, text=True,
                          timeout=60, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 1
    assert "malformed" in done.stderr or "the file: " in done.stderr
    q = start("--store", f"sqlite:{path}")
    # Where texts were hit, no page says so: they come as they are. The check has found them.
    statuses = {q.request("GET", f"/v1/chat/completions/{ident}")[0] for ident in idents}
    assert statuses <= {200, 404, 500, 503} and statuses != {200}
    assert q.request("GET", "/v1/health")[0] == 200


def test_two_share_a_file(start, tmp_path):
    path = tmp_path / "q.db"
    pair = [start("--store", f"sqlite:{path}") for _ in range(2)]
    idents, at_once = [], 0
    for n in range(60):
        idents.append(chat(pair[n % 2], f"hi {n}"))
        if n % 5 == 0:
            # Of the one that answered at once; of the other when it is committed.
            assert look(pair[n % 2], idents[-1])[0] == 200
            assert look(pair[1 - n % 2], idents[-1])[0] == 200
        elif n % 5 == 2:
            # Which is soon: the other looks again for a while.
            at_once += look(pair[1 - n % 2], idents[-1])[0] == 200
    assert at_once > 6
    for n, ident in enumerate(idents):
        assert wait_for(pair[1 - n % 2], ident, 200)["input_messages"][0]["content"] == f"hi {n}"
    for q in pair:
        q.stop()
    assert rows(f"sqlite:{path}") == 60


def test_what_was_shown_survives_kill_9(start, tmp_path):
    uri = f"sqlite:{tmp_path}/q.db"
    shown = killing.rounds(start, uri)
    assert len(shown) > 5 * killing.ROUNDS
    killing.check(uri, shown)
