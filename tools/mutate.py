#!/usr/bin/env python3
"""mutate.py [--lines A-B] [--seconds N] FILE -- COMMAND... - how good are FILE's tests?

Changes one token of FILE at a time and runs COMMAND, which should then fail: a
mutant that passes names a test that is missing (or changes nothing at all).
FILE is always put back. For instance:

    tools/mutate.py src/http/sse.c -- sh -c \\
        'ninja -C build/debug tests/unit/unit_http_sse_test >/dev/null &&
         build/debug/tests/unit/unit_http_sse_test'

A mutant that does not compile is not counted: COMMAND exits with 1 for it as
for a killed one, so have it exit with 125 when the build fails if the
difference matters ("ninja ... || exit 125").
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from lint.source import TOKENS, blank  # noqa: E402

# What to look for, and each thing that could stand there by mistake.
SWAPS = [
    (r'==', ['!=']),
    (r'!=', ['==']),
    (r'(?<=\s)<(?=\s)', ['<=', '>']),
    (r'(?<=\s)>(?=\s)', ['>=', '<']),
    (r'(?<=\s)<=(?=\s)', ['<']),
    (r'(?<=\s)>=(?=\s)', ['>']),
    (r'&&', ['||']),
    (r'\|\|', ['&&']),
    (r'(?<=\s)\+(?=\s)', ['-']),
    (r'(?<=\s)-(?=\s)', ['+']),
    (r'\+=', ['-=']),
    (r'-=', ['+=']),
    (r'\+\+', ['--']),
    (r'(?<=\()!(?=\w)', ['']),
    (r'\btrue\b', ['false']),
    (r'\bfalse\b', ['true']),
    (r'(?<![\w.])0(?![\w.])', ['1']),
    (r'(?<![\w.])1(?![\w.])', ['0', '2']),
    (r'\bbreak;', ['continue;']),
]
# A plain statement: leave it out.
STATEMENT = re.compile(r'^(\t+)(?!return\b|case\b|default\b|struct\b|const\b|static\b|enum\b|int\b|'
                       r'bool\b|char\b|size_t\b|u?int\d|goto\b)\w[^{}]*;$')
UNBUILDABLE = 125


def mutants(text):
    """(line number, old line, new line), looking only at code inside functions."""
    lines = text.split('\n')
    depth = 0
    for n, code in enumerate(TOKENS.sub(blank, text).split('\n')):
        inside = depth > 0
        depth += code.count('{') - code.count('}')
        if not inside or not code.strip() or code.startswith('#'):
            continue
        line = lines[n]
        for pattern, words in SWAPS:
            for m in re.finditer(pattern, code):
                for word in words:
                    yield n, line, line[:m.start()] + word + line[m.end():]
        m = STATEMENT.match(code)
        if m:
            yield n, line, m.group(1) + ';'


def verdict(command, seconds):
    # A session of its own: a mutant that loops for ever is a grandchild.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True) as run:
        try:
            r = run.wait(seconds)
        except subprocess.TimeoutExpired:
            r = -signal.SIGKILL
        finally:
            try:
                os.killpg(run.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return {0: 'survived', UNBUILDABLE: 'unbuildable'}.get(r, 'killed')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--lines', help='only these, as 10-80')
    parser.add_argument('--seconds', type=float, default=20, help='for one run of COMMAND')
    parser.add_argument('file', type=Path)
    parser.add_argument('command', nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = args.command[1:] if args.command[:1] == ['--'] else args.command
    if not command:
        parser.error('no COMMAND')
    first, last = map(int, args.lines.split('-')) if args.lines else (1, 1 << 30)
    # A kill must not leave a mutant behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    text = args.file.read_text()
    if verdict(command, args.seconds) != 'survived':
        sys.exit('mutate: COMMAND fails on the file as it is')
    count = {'killed': 0, 'survived': 0, 'unbuildable': 0}
    start = time.monotonic()
    lines = text.split('\n')
    try:
        for n, old, new in mutants(text):
            if not first <= n + 1 <= last:
                continue
            args.file.write_text('\n'.join(lines[:n] + [new] + lines[n + 1:]))
            result = verdict(command, args.seconds)
            count[result] += 1
            if result == 'survived':
                print(f'{args.file}:{n + 1}: survived: {old.strip()}  ->  {new.strip()}', flush=True)
    finally:
        args.file.write_text(text)
    print(', '.join(f'{v} {k}' for k, v in count.items()) + f', {time.monotonic() - start:.0f} s')


main()
