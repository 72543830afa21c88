"""clang - clang-format and clang-tidy, on what changed since they last passed.

A file's key is a hash of it, of every project header it reaches and of the
tool's configuration. Keys that passed are kept in build/check.json.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess

FLAGS = ['-std=gnu17', '-D_GNU_SOURCE', '-DQUIPU_VERSION="0"', '-Isrc', '-I.',
         '-I/usr/include/postgresql']
ANALYZER = ('-*,clang-analyzer-*,-clang-analyzer-optin.performance.Padding,'
            '-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling')


class Stamps:
    def __init__(self, root, fresh):
        self.path = root / 'build/check.json'
        self.passed = set()
        self.used = set()
        if not fresh and self.path.exists():
            try:
                self.passed = set(json.loads(self.path.read_text()))
            except (ValueError, TypeError):
                pass

    def save(self, complete):
        """Keys that no file has any more are dropped, once all were asked for."""
        keep = self.used & self.passed if complete else self.passed
        self.path.parent.mkdir(exist_ok=True)
        temporary = self.path.with_suffix('.tmp')
        temporary.write_text(json.dumps(sorted(keep)))
        temporary.replace(self.path)


def reach(source, by_path):
    """The project files that source includes, directly or not."""
    seen, todo = {source.path}, [source]
    while todo:
        for _, kind, name in todo.pop().includes:
            for path in (f'src/{name}', name):
                if kind == '"' and path in by_path and path not in seen:
                    seen.add(path)
                    todo.append(by_path[path])
    return [by_path[p] for p in sorted(seen)]


def key(tool, config, files):
    h = hashlib.sha256(tool.encode() + config)
    for f in files:
        h.update(f.path.encode() + b'\0' + f.text.encode() + b'\0')
    return h.hexdigest()


def findings(text):
    """One line for each; a header's comes once for every file that includes it."""
    lines = [line for line in text.split('\n') if re.search(r': (error|warning):', line)]
    cwd = os.getcwd() + '/'
    return [line.replace(cwd, '') for line in lines or text.rstrip().split('\n')]


def run_many(jobs, stamps):
    """jobs: [(key, command)]. Yields the lines of those that fail."""
    stamps.used |= {k for k, _ in jobs}
    jobs = [j for j in jobs if j[0] not in stamps.passed]

    def run(job):
        done = subprocess.run(job[1], capture_output=True, text=True)
        return job[0], done

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for k, done in pool.map(run, jobs):
            if done.returncode == 0:
                stamps.passed.add(k)
            else:
                yield from findings(done.stdout + done.stderr)


def format_(root, sources, stamps):
    config = (root / '.clang-format').read_bytes()
    yield from run_many([(key('format', config, [s]),
                          ['clang-format-14', '--dry-run', '-Werror', s.path])
                         for s in sources], stamps)


def run_tidy(name, checks, root, sources, stamps):
    config = b''.join((root / d / '.clang-tidy').read_bytes() for d in ('.', 'tests'))
    by_path = {s.path: s for s in sources}
    yield from run_many([(key(name, config, reach(s, by_path)),
                          ['clang-tidy-14', '--quiet', f'--checks={checks}', s.path, '--'] + FLAGS)
                         for s in sources if not s.is_header], stamps)


def tidy(root, sources, stamps):
    yield from run_tidy('tidy', '-clang-analyzer-*', root, sources, stamps)


def analyze(root, sources, stamps):
    """Follows paths through the code: seconds for a file, so only for ours that ships."""
    code = [s for s in sources if s.path.startswith('src/')]
    yield from run_tidy('analyze', ANALYZER, root, code, stamps)


def fix(sources):
    """What the tools can mend alone: braces, then the layout."""
    names = [s.path for s in sources]
    code = [n for n in names if n.endswith('.c')]
    subprocess.run(['clang-tidy-14', '--quiet', '--fix',
                    '--checks=-*,readability-braces-around-statements'] + code + ['--'] + FLAGS,
                   capture_output=True)
    subprocess.run(['clang-format-14', '-i'] + names)


def have(tool):
    return shutil.which(tool) is not None
