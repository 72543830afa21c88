"""source - C files as the rules see them: text without comments, functions.

Not a C parser: it relies on the layout that clang-format enforces, where a
function's braces stand alone in the first column.
"""
import functools
import re
from pathlib import Path

INCLUDE = re.compile(r'^#\s*include\s+([<"])([^>"]+)[>"]', re.M)
TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """The same number of lines and columns, without the words."""
    text = match.group()
    if text[0] in '"\'':
        return text[0] + '_' * (len(text) - 2) + text[0]
    return re.sub(r'[^\n]', ' ', text)


class Function:
    def __init__(self, source, head, first, last):
        self.source = source
        self.head = ' '.join(head.split())
        self.first, self.last = first, last  # 1-based lines, signature to brace
        match = re.search(r'(\w+)\s*\((.*)\)', self.head)
        self.name = match.group(1) if match else ''
        self.static = bool(re.search(r'\bstatic\b', self.head))
        self.params = split_params(match.group(2)) if match else []

    @property
    def lines(self):
        return self.source.code.split('\n')[self.first - 1:self.last]

    @property
    def where(self):
        return f'{self.source.path}:{self.first}'


def split_params(text):
    params, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in '([') - (c in ')]')
        if c == ',' and depth == 0:
            params.append(text[start:i].strip())
            start = i + 1
    params.append(text[start:].strip())
    return [] if params in (['void'], ['']) else params


class Source:
    def __init__(self, root, path):
        self.path = path  # relative to the root, with /
        self.text = (root / path).read_text()
        self.code = TOKENS.sub(blank, self.text)
        self.line_count = self.text.count('\n')
        self.is_header = path.endswith('.h')
        self.stem = Path(path).stem
        parts = path.split('/')
        self.folder = parts[1] if parts[0] == 'src' and len(parts) > 2 else None

    @functools.cached_property
    def includes(self):
        """(line, '<' or '"', name); names are wiped in .code, so from .text."""
        return [(self.text.count('\n', 0, m.start()) + 1, m.group(1), m.group(2))
                for m in INCLUDE.finditer(self.text)
                if self.code[m.start()] == '#']

    @functools.cached_property
    def functions(self):
        found = []
        lines = self.code.split('\n')
        start = None
        for n, line in enumerate(lines):
            if line == '{':
                start = n
            elif line == '}' and start is not None:
                first = start
                while first > 0 and re.match(r'[^#}\s;].*[^;{]$|\s+\S.*[^;{]$', lines[first - 1]):
                    first -= 1
                found.append(Function(self, '\n'.join(lines[first:start]), first + 1, n + 1))
                start = None
        return found

    @functools.cached_property
    def exported_objects(self):
        """(line, name) of variables that other files can see."""
        found = []
        skip = r'static|extern|typedef|_Static_assert|#|\s|[{}/]|$'
        for n, line in enumerate(self.code.split('\n'), 1):
            if re.match(skip, line) or '(' in line.split('=')[0]:
                continue
            match = re.match(r'[\w\s*]+?\b(\w+)(?:\[[^\]]*\])*\s*(=.*|;)$', line)
            if match and not re.match(r'(struct|union|enum) \w+;', line):
                found.append((n, match.group(1)))
        return found


def brace_depth(lines):
    """How deep control statements nest in a function; initialisers do not count."""
    text = '\n'.join(lines)
    text = text[text.find('\n{') + 2:]
    deepest, stack = 0, []
    for m in re.finditer(r'[{}]', text):
        if m.group() == '}':
            if stack:
                stack.pop()
            continue
        stack.append(is_control(text[:m.start()].rstrip()))
        deepest = max(deepest, sum(stack))
    return deepest


def is_control(before):
    """Whether a brace after this text opens a statement's block."""
    if re.search(r'\b(else|do)$', before):
        return True
    if not before.endswith(')'):
        return False
    depth = 0
    for i in range(len(before) - 1, -1, -1):
        depth += (before[i] == ')') - (before[i] == '(')
        if depth == 0:
            word = re.search(r'(\w+)\s*$', before[:i])
            return bool(word) and word.group(1) not in ('return', 'sizeof')
    return False
