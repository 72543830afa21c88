"""quipu recordings: what it says of a folder of files."""
import hashlib
import json
import os
import subprocess

from quipu import BIN, SLOW, WRAPPER

TEST = "tests/integration/a/test_b.py::test_c[é \"x\"]"
BODY = {"model": "m", "temperature": 1e-7, "messages": [{"role": "user", "content": "score: 0.12345 ü\x7f"}]}


def recordings(*args):
    """(exit status, standard output, standard error) of quipu recordings ARGS."""
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS") or k == "PATH"}
    done = subprocess.run(WRAPPER + [BIN, "recordings", *map(str, args)], env=kept, capture_output=True,
                          text=True, timeout=30 * SLOW, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def ogx(folder, body=BODY, test_id=TEST, name=None):
    """A recording of OGX, named by Python itself."""
    normal = {**body, "temperature": 0.0,
              "messages": [{"role": "user", "content": "score: __NORMALIZED__ ü\x7f"}]}
    key = {"method": "POST", "endpoint": "/v1/v1/chat/completions", "body": normal, "test_id": test_id}
    sum_ = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    chunk = {"id": "rec-1", "choices": [], "created": 0, "model": "m", "object": "chat.completion.chunk"}
    file = {
        "test_id": test_id,
        "request": {"method": "POST", "url": "https://api.example.com/v1/v1/chat/completions", "headers": {},
                    "body": body, "endpoint": "/v1/chat/completions", "model": "m"},
        "response": {"body": [{"__type__": "x.ChatCompletionChunk", "__data__": chunk}], "is_streaming": True},
    }
    path = folder / ((name or sum_) + ".json")
    path.write_text(json.dumps(file, indent=2))
    return path


def test_a_name_that_python_made_follows(tmp_path):
    ogx(tmp_path)
    assert recordings("verify-keys", tmp_path) == (
        0, "1 files: 1 names follow, 0 do not, 0 in the exact format, 0 bad\n", "")


def test_names_that_do_not_follow_are_explained(tmp_path):
    ogx(tmp_path, name="0" * 64)
    path = ogx(tmp_path)
    path.write_text(path.read_text().replace("test_c", "test_d"))
    (tmp_path / "torn.json").write_text('{"request":')
    (tmp_path / "link.json").symlink_to(path)
    status, out, err = recordings("verify-keys", tmp_path)
    assert (status, err) == (1, "")
    assert out.count("mismatch") == 2
    assert "the request was changed after it was recorded" in out
    assert "bad       torn.json: line 1, column 12: the text ends inside an object" in out
    assert "bad       link.json: a symbolic link" in out
    assert out.endswith("4 files: 0 names follow, 2 do not, 0 in the exact format, 2 bad\n")


def test_ls_shows_a_line_for_each(tmp_path):
    (tmp_path / "s").mkdir()
    name = ogx(tmp_path / "s").name
    (tmp_path / "x.json").write_text('{"v":1,"op":"chat.completions","request":{"method":"GET","path":"/"},'
                                     '"response":{"fail":"dns","after_ms":3}}')
    chunk = {"id": "rec-1", "choices": [], "created": 0, "model": "m", "object": "chat.completion.chunk"}
    wire = f"data: {json.dumps(chunk, separators=(',', ':'))}\n\ndata: [DONE]\n\n"
    status, out, err = recordings("ls", tmp_path)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "chat.completions - 0 dns events=0 bytes=0 x.json",
        f"chat.completions m 200 events=2 bytes={len(wire)} s/{name}",
        "2 files, 0 bad",
    ]


def test_a_wrong_command_is_told():
    status, out, err = recordings()
    assert (status, out) == (64, "") and err.startswith("usage: quipu recordings COMMAND")
    status, out, err = recordings("lss", ".")
    assert (status, out) == (64, "")
    assert err.startswith("quipu: unknown command 'recordings lss'; did you mean 'ls'?\nusage: ")
    for args in [("ls",), ("textconv", "a", "b"), ("ls", "--jsno", "."), ("show",)]:
        status, out, err = recordings(*args)
        assert (status, out) == (64, "")
        assert f"usage: quipu recordings {args[0]} " in err
    status, out, err = recordings("ls", "/nonexistent")
    assert (status, out) == (1, "")
    assert err == "quipu: recordings: cannot open /nonexistent\n"


def test_each_command_has_help():
    status, out, err = recordings("--help")
    assert (status, err) == (0, "")
    names = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert {"ls", "show", "textconv", "verify-keys"} <= set(names)
    for name in names:
        status, out, err = recordings(name, "--help")
        assert (status, err) == (0, "") and out.startswith(f"usage: quipu recordings {name} ")
        assert len(out.splitlines()) > 3
