"""rules - what every C file of quipu keeps to. STYLE.md gives the reasons.

A rule is a function of the sources that yields "path:line: what is wrong".
RULES at the end names them all.
"""
import re

from .source import brace_depth

# A folder may include the folders before it, and itself.
LAYERS = ['base', 'json', 'http', 'io', 'net', 'config', 'llm', 'telemetry', 'provider',
          'recording', 'store', 'core', 'responses', 'api', 'cli']
# Codecs and translators do no I/O, so that two text files can test them.
PURE = {'json', 'http', 'llm', 'telemetry', 'provider'}
IO = {'io', 'net'}
# Only io/ knows how waiting is done.
IO_HEADERS = {'sys/epoll.h', 'sys/eventfd.h', 'sys/timerfd.h', 'ucontext.h', 'setjmp.h', 'poll.h'}

FUNCTION_LINES, PARAMS, NESTING = 60, 5, 3
FILE_LINES, HEADER_LINES = 600, 200

BANNED = {
    'strcpy': 'struct str', 'strcat': 'struct buf', 'sprintf': 'snprintf or buf_printf',
    'vsprintf': 'vsnprintf', 'strtok': 'str_cut', 'strtok_r': 'str_cut',
    'atoi': 'str_to_i64', 'atol': 'str_to_i64', 'atof': 'json', 'sscanf': 'str_cut and str_to_i64',
    'gets': 'fgets', 'alloca': 'an arena', 'localtime': 'gmtime_r', 'gmtime': 'gmtime_r',
    'rand': 'rand_u64', 'srand': 'rand_u64', 'random': 'rand_u64',
    'malloc': 'xmalloc', 'calloc': 'xcalloc', 'realloc': 'xrealloc',
    'system': 'nothing', 'popen': 'nothing', 'usleep': 'task_sleep',
    'gethostbyname': 'dns_lookup', 'strerror': 'strerror_r',
}

# At most five names of files or functions: (the rule they need not keep, why).
EXEMPT = {
    'src/base/buf.c': ('banned prefix', 'xmalloc() and its kin are made there'),
    'src/base/err.c': ('prefix', 'context_* is where err_* keeps its notes'),
    'src/llm/error.c': ('prefix', 'api_fail() is api\'s word in every layer below it'),
    'src/net/reply.c': ('prefix', 'request_* is how a handler answers its request'),
    'select_alpn': ('sizes', 'OpenSSL gives a callback its parameters'),
}
assert len(EXEMPT) <= 5


def exempt(rule, name):
    return rule in EXEMPT.get(name, ('', ''))[0].split()


def in_src(sources):
    return [s for s in sources if s.folder]


def layers(sources):
    for s in in_src(sources):
        if s.folder not in LAYERS:
            yield f'{s.path}:1: {s.folder} is not in the layers of tools/lint/rules.py'
            continue
        for line, kind, name in s.includes:
            other = name.split('/')[0]
            if kind == '<':
                if name in IO_HEADERS and s.folder != 'io':
                    yield f'{s.path}:{line}: only io/ may include <{name}>'
            elif other not in LAYERS:
                yield f'{s.path}:{line}: "{name}" is not written as folder/file.h'
            elif LAYERS.index(other) > LAYERS.index(s.folder):
                yield f'{s.path}:{line}: {s.folder}/ may not include {other}/'
            elif s.folder in PURE and other in IO:
                yield f'{s.path}:{line}: {s.folder}/ does no I/O and may not include {other}/'


def cycles(sources):
    graph = {s.path[4:]: [n for _, k, n in s.includes if k == '"']
             for s in in_src(sources) if s.is_header}
    done, trail = set(), []

    def visit(name):
        if name in trail:
            return trail[trail.index(name):] + [name]
        if name in done or name not in graph:
            return None
        trail.append(name)
        loop = next(filter(None, map(visit, graph[name])), None)
        trail.pop()
        done.add(name)
        return loop

    for name in graph:
        loop = visit(name)
        if loop:
            yield f'src/{name}:1: includes go round: ' + ' -> '.join(loop)


def includes(sources):
    for s in sources:
        quoted = [(line, name) for line, kind, name in s.includes if kind == '"']
        own = f'{s.folder}/{s.stem}.h'
        if s.folder and not s.is_header and any(o.path == f'src/{own}' for o in sources):
            if not s.includes or s.includes[0][2] != own:
                yield f'{s.path}:1: the first include must be "{own}"'
        if s.folder and s.is_header:
            guard = f'{s.folder}_{s.stem}_H'.upper()
            if f'#ifndef {guard}\n#define {guard}\n' not in s.text:
                yield f'{s.path}:1: the include guard must be {guard}'
        for line, name in quoted:
            if sum(n == name for _, n in quoted) > 1:
                yield f'{s.path}:{line}: "{name}" is included twice'


def prefixes(source, sources):
    """The words that a file's exported names may begin with."""
    stems = {s.stem for s in sources if s.folder == source.folder and s.is_header}
    # head_parse.c shares head.h.
    return {source.stem, source.folder} | {h for h in stems if source.stem.startswith(h + '_')}


def prefix(sources):
    for s in in_src(sources):
        if s.is_header or exempt('prefix', s.path):
            continue
        names = [(f.first, f.name) for f in s.functions if not f.static]
        allowed = prefixes(s, sources)
        for line, name in names + s.exported_objects:
            if not any(name in (w, w + 's') or name.startswith(w + '_') for w in allowed):
                yield (f'{s.path}:{line}: {name} is exported but does not begin with '
                       + ' or '.join(sorted(w + '_' for w in allowed)))


def banned(sources):
    pattern = re.compile(r'(?<![\w.>])(' + '|'.join(BANNED) + r')\s*\(')
    for s in sources:
        if exempt('banned', s.path):
            continue
        for n, line in enumerate(s.code.split('\n'), 1):
            for m in pattern.finditer(line):
                yield f'{s.path}:{n}: {m.group(1)}() is banned: use {BANNED[m.group(1)]}'


def without_tables(lines):
    """A test's table is data; only its code counts as length."""
    kept, inside = [], False
    for line in lines:
        if re.match(r'\t+static const .*\{$', line):
            inside = True
        if not inside:
            kept.append(line)
        if re.match(r'\t+\}.*;$', line):
            inside = False
    return kept


def sizes(sources):
    for s in sources:
        limit = HEADER_LINES if s.is_header else FILE_LINES
        if s.line_count > limit:
            yield f'{s.path}:1: {s.line_count} lines, the limit is {limit}'
        for f in s.functions:
            lines = without_tables(f.lines) if s.path.startswith('tests/') else f.lines
            if len(lines) > FUNCTION_LINES:
                yield f'{f.where}: {f.name} has {len(lines)} lines, the limit is {FUNCTION_LINES}'
            count = len(f.params)
            if f.params and f.params[-1] == '...':
                count -= 2  # a format and what it prints
            if f.params and re.fullmatch(r'struct task \*\w*', f.params[0]):
                count -= 1  # says who waits, as every such call must
            if count > PARAMS and not exempt('sizes', f.name):
                yield f'{f.where}: {f.name} has {count} parameters, the limit is {PARAMS}'
            depth = brace_depth(f.lines)
            if depth > NESTING:
                yield f'{f.where}: {f.name} nests {depth} deep, the limit is {NESTING}'


def task_first(sources):
    """A task that may suspend is the first parameter: the signature shows it."""
    for s in in_src(sources):
        if s.folder == 'io':  # where tasks are handled from outside
            continue
        for f in s.functions:
            places = [i for i, p in enumerate(f.params) if re.fullmatch(r'struct task \*\w*', p)]
            if places and places[0] != 0:
                yield f'{f.where}: {f.name}: struct task * must be the first parameter'


def leftovers(sources):
    for s in sources:
        for n, line in enumerate(s.text.split('\n'), 1):
            if re.search(r'\b(TODO|FIXME|XXX)\b', line):
                yield f'{s.path}:{n}: finish it, or describe it in an issue'
            if re.search(r'/\*\s*[-=*#]{4,}', line):
                yield f'{s.path}:{n}: no banner comments'


RULES = [layers, cycles, includes, prefix, banned, sizes, task_first, leftovers]
