"""The plugins of integrations/, in test runs of their own."""
import os
import shutil
import subprocess
import sys

import pytest

from quipu import BIN, ROOT, SLOW, WRAPPER
from upstream import completion

PYTEST = os.path.join(ROOT, "integrations", "pytest")
VITEST = os.path.join(ROOT, "integrations", "vitest", "quipu.mjs")

SUITE = '''
import json, os, urllib.error, urllib.request
import pytest

def ask(words, url=None, headers={}):
    req = urllib.request.Request((url or os.environ["OPENAI_BASE_URL"]) + "/chat/completions",
        json.dumps({"model": "m1", "messages": [{"role": "user", "content": words}]}).encode(),
        {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(req) as r:
            return json.load(r)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError:
        return "no answer"

def test_a():
    assert ask("a") == "to a"

@pytest.mark.parametrize("n", [1, 2])
def test_many(n, quipu):
    assert ask(f"many {n}", os.environ["PLAIN"] + "/v1", quipu.headers) == f"to many {n}"
    assert len(quipu.state()["served"]) + len(quipu.state()["recorded"]) >= 0

def test_changed():
    ask(os.environ.get("CHANGED", "as it was"))

def test_fails():
    ask(os.environ.get("CHANGED", "as it was"))
    assert os.environ.get("CHANGED") is None

@pytest.mark.quipu(session="strict one", strict=True)
def test_strict():
    ask("1")
    if not os.environ.get("CHANGED"):
        ask("2")
'''

TESTS = '''
import { expect, test, describe } from 'vitest';

async function ask(words) {
	const answer = await fetch(process.env.OPENAI_BASE_URL + '/chat/completions', {
		method: 'POST', headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ model: 'm1', messages: [{ role: 'user', content: words }] }),
	});
	return answer.ok ? (await answer.json()).choices[0].message.content : 'no answer';
}

test('a', async () => { expect(await ask('a')).toBe('to a'); });
describe('group', () => {
	test('changed', async () => { await ask(process.env.CHANGED ?? 'as it was'); });
});
'''

# As much of Vitest as the plugin sees, for where there is none.
STAND_IN = '''
const before = [], after = [], tests = [], groups = [];
export const beforeEach = (f) => before.push(f);
export const afterEach = (f) => after.push(f);
export const expect = (got) => ({ toBe: (want) => { if (got !== want) throw new Error(`${got} is not ${want}`); } });
export const describe = (name, f) => { groups.push(name); f(); groups.pop(); };
export const test = (name, f) => tests.push({ name, f, suite: groups.length ? { name: groups[0] } : undefined });
export async function run(file) {
	let failures = 0;
	for (const { name, f, suite } of tests) {
		const task = { name, suite, file: { name: file } };
		for (const step of [...before, f, ...after]) {
			try { await step({ task }); } catch (e) { failures++; console.log(`FAIL ${name}: ${e.message}`); }
		}
	}
	console.log(`${tests.length} tests, ${failures} failures`);
	process.exit(failures ? 1 : 0);
}
'''


@pytest.fixture
def run(tmp_path, upstream):
    upstream.handler = lambda call: call.json(200, completion(
        content="to " + call.request.json["messages"][0]["content"]))

    def go(mode, *command, **env):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "NODE_PATH") or k.endswith("SAN_OPTIONS")}
        if mode == "--record":
            env["OPENAI_BASE_URL"] = upstream.url
        done = subprocess.run([*WRAPPER, BIN, "run", mode, "--", *command], env={**kept, **env}, cwd=tmp_path,
                              capture_output=True, text=True, timeout=120 * SLOW, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    return go


def folders(tmp_path):
    return sorted(f for f in os.listdir(tmp_path / "recordings") if f != "_shared")


def test_pytest(run, upstream, tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    suite = ("sh", "-c", f'PLAIN=$QUIPU_URL exec "{sys.executable}" -m pytest -q -rA -p pytest_quipu '
             '-p no:cacheprovider test_suite.py')
    status, out, err = run("--record", *suite, PYTHONPATH=PYTEST, PYTHONDONTWRITEBYTECODE="1")
    assert status == 0 and "6 passed" in out and "7 recorded" in err, out + err
    names = folders(tmp_path)
    assert len(names) == 6 and sum("test_suite.py-test_many" in n for n in names) == 2, names
    upstream.close()
    status, out, err = run("--replay", *suite, PYTHONPATH=PYTEST, PYTHONDONTWRITEBYTECODE="1")
    assert status == 0 and "6 passed" in out and "quipu replay: ok: 7 served\n" in err, out + err

    status, out, err = run("--replay", *suite, PYTHONPATH=PYTEST, PYTHONDONTWRITEBYTECODE="1",
                           CHANGED="otherwise")
    assert status == 1 and "3 failed, 3 passed" in out, out + err
    # A test that passed fails for its miss; one that failed says it as well.
    assert out.count("quipu: unmatched (session test_suite.py::test_changed, mode replay)") >= 1
    assert out.count("quipu: unmatched (session test_suite.py::test_fails, mode replay)") >= 1
    assert "otherwise" in out and "no recording of chat.completions m1" in out
    assert "quipu: unused (session strict one, mode replay)" in out


def test_pytest_without_quipu(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(quipu):\n    assert quipu is None\n")
    env = {k: v for k, v in os.environ.items() if k != "QUIPU_URL"}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "pytest_quipu", "-p", "no:cacheprovider"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env={**env, "PYTHONPATH": PYTEST, "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def vitest_folder():
    """Where the real one is: below NODE_PATH."""
    for path in os.environ.get("NODE_PATH", "").split(":"):
        if path and os.path.exists(os.path.join(path, "vitest", "package.json")):
            return path
    return None


@pytest.mark.parametrize("what", ["stand-in", "vitest"])
def test_vitest(run, upstream, tmp_path, what):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    if what == "vitest" and not vitest_folder():
        pytest.skip("the package vitest is not in NODE_PATH")
    shutil.copy(VITEST, tmp_path / "quipu.mjs")
    (tmp_path / "it.test.mjs").write_text(TESTS)
    if what == "vitest":
        os.symlink(vitest_folder(), tmp_path / "node_modules")
        (tmp_path / "vitest.config.mjs").write_text(
            "export default { test: { setupFiles: ['./quipu.mjs'], cache: false } };\n")
        command = ("node", "node_modules/vitest/vitest.mjs", "run", "--no-color")
    else:
        module = tmp_path / "node_modules" / "vitest"
        module.mkdir(parents=True)
        (module / "package.json").write_text('{"name": "vitest", "type": "module", "exports": "./index.js"}')
        (module / "index.js").write_text(STAND_IN)
        (tmp_path / "main.mjs").write_text("import './quipu.mjs';\nimport './it.test.mjs';\n"
                                           "import { run } from 'vitest';\nawait run('it.test.mjs');\n")
        command = ("node", "main.mjs")
    status, out, err = run("--record", *command)
    assert status == 0 and "2 recorded" in err, out + err
    assert len(folders(tmp_path)) == 2
    upstream.close()
    status, out, err = run("--replay", *command)
    assert status == 0 and "quipu replay: ok: 2 served\n" in err, out + err
    status, out, err = run("--replay", *command, CHANGED="otherwise")
    assert status == 1, out + err
    assert "quipu: unmatched (session it.test.mjs > group > changed, mode replay)" in out + err
    assert "no recording of chat.completions m1" in out + err
