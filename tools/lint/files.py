"""files - rules about the tree rather than about C: lists, links, scripts."""
import re
import shutil
import subprocess


def listed(root, sources):
    """A file that no meson.build names is compiled by nobody."""
    for s in sources:
        parts = s.path.split('/')
        if s.is_header or s.path == 'src/main.c':
            continue
        if s.folder:
            name = parts[-1]
        elif s.path.startswith('tests/unit/') and s.stem.endswith('_test'):
            name = '/'.join(parts[2:])[:-2]
        else:
            continue
        build = root / '/'.join(parts[:-1]) / 'meson.build'
        if not build.exists() or f"'{name}'" not in build.read_text():
            yield f"{s.path}:1: not listed in {build.relative_to(root)} as '{name}'"


def corpora(root, sources):
    for s in sources:
        if s.path.startswith('tests/fuzz/fuzz_'):
            seeds = root / 'tests/fuzz/corpus' / s.stem[len('fuzz_'):]
            if not seeds.is_dir() or not any(seeds.iterdir()):
                yield f'{s.path}:1: no seeds in {seeds.relative_to(root)}'


def links(root, tracked):
    """Every relative link in a document leads somewhere."""
    for path in tracked:
        if not path.endswith('.md'):
            continue
        text = re.sub(r'^```.*?^```', lambda m: '\n' * m.group().count('\n'),
                      (root / path).read_text(), flags=re.S | re.M)
        for m in re.finditer(r'\]\(([^)#\s]+)', text):
            target = m.group(1)
            if re.match(r'[a-z]+:', target):
                continue
            if not ((root / path).parent / target).exists():
                yield f'{path}:{text.count(chr(10), 0, m.start()) + 1}: no such file: {target}'


def whitespace(root, tracked):
    for path in tracked:
        if '/corpus/' in path or '/data/' in path:
            continue
        try:
            text = (root / path).read_text()
        except UnicodeDecodeError:
            continue
        if text and not text.endswith('\n'):
            yield f'{path}:{text.count(chr(10)) + 1}: no newline at the end'
        for n, line in enumerate(text.split('\n'), 1):
            if line != line.rstrip():
                yield f'{path}:{n}: white space at the end of the line'


def shell_scripts(root, tracked):
    return [p for p in tracked if '/corpus/' not in p and '/data/' not in p
            and (root / p).read_bytes()[:20].startswith((b'#!/bin/sh', b'#!/usr/bin/env bash'))]


def shell(root, tracked):
    scripts = shell_scripts(root, tracked)
    if scripts and shutil.which('shellcheck'):
        run = subprocess.run(['shellcheck', '-f', 'gcc'] + scripts, cwd=root,
                             capture_output=True, text=True)
        yield from run.stdout.splitlines()


def python(root, tracked):
    for path in tracked:
        if '/corpus/' in path or '/data/' in path:
            continue
        if path.endswith('.py') or b'python' in (root / path).read_bytes()[:30]:
            try:
                compile((root / path).read_text(), path, 'exec', dont_inherit=True)
            except SyntaxError as e:
                yield f'{path}:{e.lineno}: {e.msg}'
