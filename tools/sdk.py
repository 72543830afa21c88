"""sdk - the official SDKs, where PyPI or npm can be reached.

Python: a virtual environment in build/venv from tests/e2e/requirements.txt.
Node: build/node/node_modules from tests/e2e/node/package.json. A stamp says
what an environment was made from; one that fits is used without a network.
Each function returns (path, '') or (None, why not), and tries once.
"""
import hashlib
import os
import shutil
import subprocess
import sys

PROBE_SECONDS = 6
INSTALL_SECONDS = 240

# In a process of its own: a name server that never answers cannot be timed out
# from within.
PROBE = '''
import sys, urllib.request, urllib.error
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=5)
except urllib.error.HTTPError:
    pass
'''


def reachable(url):
    try:
        return subprocess.run([sys.executable, '-c', PROBE, url], capture_output=True,
                              timeout=PROBE_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def digest(*files):
    h = hashlib.sha256(sys.version.encode())
    for f in files:
        h.update(f.read_bytes())
    return h.hexdigest()


def attempt(command, **options):
    """Returns '' or the last line of what went wrong."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=INSTALL_SECONDS, **options)
    except subprocess.TimeoutExpired:
        return f'took over {INSTALL_SECONDS} s'
    except OSError as e:
        return str(e)
    if done.returncode == 0:
        return ''
    lines = [line for line in (done.stderr or done.stdout).split('\n') if line.strip()]
    return lines[-1] if lines else f'exit {done.returncode}'


def made(directory, stamp):
    mark = directory / '.stamp'
    return mark.exists() and mark.read_text() == stamp


def setting(command, default):
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return default
    return out if out.startswith('http') else default


def python_env(root):
    wanted = root / 'tests/e2e/requirements.txt'
    venv = root / 'build/venv'
    python = venv / 'bin/python'
    if not wanted.exists():
        return None, 'tests/e2e/requirements.txt is missing'
    stamp = digest(wanted)
    if made(venv, stamp):
        return str(python), ''
    index = os.environ.get('PIP_INDEX_URL') or setting(
        [sys.executable, '-m', 'pip', 'config', 'get', 'global.index-url'],
        'https://pypi.org/simple')
    if not reachable(index.rstrip('/') + '/'):
        return None, 'PyPI cannot be reached'
    print('e2e: installing the Python SDKs into build/venv', flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    why = attempt([sys.executable, '-m', 'venv', str(venv)]) or attempt(
        [str(python), '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-input',
         '--retries', '1', '--timeout', '20', '-r', str(wanted)])
    if why:
        return None, f'build/venv could not be made: {why}'
    (venv / '.stamp').write_text(stamp)
    return str(python), ''


def node_env(root):
    source = root / 'tests/e2e/node'
    files = [source / 'package.json', source / 'package-lock.json']
    home = root / 'build/node'
    if not all(f.exists() for f in files):
        return None, 'tests/e2e/node/package.json is missing'
    for tool in ('node', 'npm'):
        if not shutil.which(tool):
            return None, f'{tool} is not installed'
    stamp = digest(*files)
    if made(home, stamp):
        return str(home / 'node_modules'), ''
    registry = setting(['npm', 'config', 'get', 'registry'], 'https://registry.npmjs.org/')
    if not reachable(registry):
        return None, 'the npm registry cannot be reached'
    print('e2e: installing the Node SDK into build/node', flush=True)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for f in files:
        shutil.copy(f, home)
    why = attempt(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund',
                   '--no-update-notifier', '--fetch-retries=1', '--fetch-timeout=20000',
                   f'--cache={home / "cache"}'], cwd=home)
    if why:
        return None, f'build/node could not be made: {why}'
    (home / '.stamp').write_text(stamp)
    return str(home / 'node_modules'), ''
