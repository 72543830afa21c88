"""Each rule of tools/check finds what it is there for, and only that."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / 'tools'))

from lint import rules  # noqa: E402
from lint.source import Source  # noqa: E402


def guard(folder, stem, body=''):
    name = f'{folder}_{stem}_H'.upper()
    return f'#ifndef {name}\n#define {name}\n{body}\n#endif\n'


class Rules(unittest.TestCase):
    def run_rule(self, rule, files):
        with tempfile.TemporaryDirectory() as directory:
            top = Path(directory)
            for path, text in files.items():
                (top / path).parent.mkdir(parents=True, exist_ok=True)
                (top / path).write_text(text)
            return list(rule([Source(top, p) for p in files]))

    def check(self, rule, files, *wanted):
        """One finding for each of wanted, which it begins with."""
        found = self.run_rule(rule, files)
        self.assertEqual(len(found), len(wanted), found)
        for line, start in zip(found, wanted):
            self.assertTrue(line.startswith(start), line)

    def test_a_lower_folder_may_not_include_a_higher_one(self):
        self.check(rules.layers, {'src/base/a.c': '#include "http/sse.h"\n'},
                   'src/base/a.c:1: base/ may not include http/')
        self.check(rules.layers, {'src/http/a.c': '#include "base/str.h"\n'})

    def test_a_provider_may_not_do_io(self):
        self.check(rules.layers, {'src/provider/a.c': '\n#include "io/io.h"\n'},
                   'src/provider/a.c:2: provider/ does no I/O')
        self.check(rules.layers, {'src/provider/a.c': '#include "config/config.h"\n'})

    def test_only_io_waits(self):
        self.check(rules.layers, {'src/net/a.c': '#include <sys/epoll.h>\n'}, 'src/net/a.c:1: ')
        self.check(rules.layers, {'src/io/a.c': '#include <sys/epoll.h>\n'})

    def test_an_unknown_folder_is_found(self):
        self.check(rules.layers, {'src/extra/a.c': ''}, 'src/extra/a.c:1: ')

    def test_headers_that_include_each_other_are_found(self):
        self.check(rules.cycles, {'src/io/a.h': '#include "io/b.h"\n',
                                  'src/io/b.h': '#include "io/a.h"\n'},
                   'src/io/a.h:1: includes go round: io/a.h -> io/b.h -> io/a.h')

    def test_the_own_header_comes_first(self):
        files = {'src/io/a.h': guard('io', 'a'), 'src/io/a.c': '#include <stdio.h>\n#include "io/a.h"\n'}
        self.check(rules.includes, files, 'src/io/a.c:1: the first include')

    def test_a_guard_is_named_after_its_file(self):
        self.check(rules.includes, {'src/io/a.h': '#pragma once\n'}, 'src/io/a.h:1: ')
        self.check(rules.includes, {'src/io/a.h': guard('io', 'a')})

    def test_exported_names_begin_with_the_file(self):
        code = 'int %s(void)\n{\n\treturn 0;\n}\n'
        for name in ('sse_next', 'http_sse_next', 'sse'):
            self.check(rules.prefix, {'src/http/sse.c': code % name})
        self.check(rules.prefix, {'src/cli/config_cmd.c': code % 'cli_config'})
        self.check(rules.prefix, {'src/http/sse.c': code % 'httpnext'}, 'src/http/sse.c:1: httpnext')
        self.check(rules.prefix, {'src/http/sse.c': code % 'next'}, 'src/http/sse.c:1: next')
        self.check(rules.prefix, {'src/http/sse.c': 'static ' + code % 'next'})

    def test_a_split_module_shares_its_header(self):
        code = 'int head_end(void)\n{\n\treturn 0;\n}\n'
        self.check(rules.prefix, {'src/http/head_scan.c': code}, 'src/http/head_scan.c:1: ')
        self.check(rules.prefix, {'src/http/head_scan.c': code,
                                  'src/http/head.h': guard('http', 'head')})

    def test_exported_variables_count_as_names(self):
        self.check(rules.prefix, {'src/provider/vllm.c': 'const struct provider_type other = {\n};\n'},
                   'src/provider/vllm.c:1: other')
        self.check(rules.prefix, {'src/provider/vllm.c': 'const struct provider_type provider_vllm = {\n};\n'
                                                         'static int count;\nstruct hidden;\n'})

    def test_banned_calls_are_found_but_not_in_words(self):
        self.check(rules.banned, {'src/io/a.c': 'int a = atoi(b);\n'}, 'src/io/a.c:1: atoi()')
        self.check(rules.banned, {'src/io/a.c': '/* atoi(b) */\nchar *s = "atoi(b)";\nmy_atoi(1);\nx->rand();\n'})

    def test_a_long_function_is_found(self):
        body = 'int a(void)\n{\n' + '\tb();\n' * 57 + '}\n'
        self.check(rules.sizes, {'src/io/a.c': body})
        self.check(rules.sizes, {'src/io/a.c': body.replace('{\n', '{\n\tc();\n', 1)},
                   'src/io/a.c:1: a has 61 lines')

    def test_a_tests_table_is_not_counted(self):
        table = '\tstatic const struct {\n\t\tint a;\n\t} rows[] = {\n' + '\t\t{ 1 },\n' * 80 + '\t};\n'
        self.check(rules.sizes, {'tests/unit/a_test.c': 'void a(void)\n{\n' + table + '\tb();\n}\n'})

    def test_many_parameters_are_found(self):
        code = 'int a(int b,\n      int (*c)(int, int), int d, int e, int f%s)\n{\n}\n'
        self.check(rules.sizes, {'src/io/a.c': code % ''})
        self.check(rules.sizes, {'src/io/a.c': code % ', const char *fmt, ...'})
        self.check(rules.sizes, {'src/io/a.c': code % ', int g'}, 'src/io/a.c:1: a has 6 parameters')

    def test_deep_nesting_is_found(self):
        deep = 'int a(void)\n{\n\tif (b) {\n\t\twhile (c) {\n\t\t\tfor (;;) {\n%s\t\t\t}\n\t\t}\n\t}\n}\n'
        self.check(rules.sizes, {'src/io/a.c': deep % '\t\t\t\te = (struct f){ 1 };\n'})
        self.check(rules.sizes, {'src/io/a.c': deep % '\t\t\t\tif (d) {\n\t\t\t\t}\n'},
                   'src/io/a.c:1: a nests 4 deep')

    def test_long_files_and_headers_are_found(self):
        self.check(rules.sizes, {'src/io/a.c': '\n' * 600, 'src/io/a.h': '\n' * 200})
        self.check(rules.sizes, {'src/io/a.c': '\n' * 601, 'src/io/a.h': '\n' * 201},
                   'src/io/a.c:1: 601', 'src/io/a.h:1: 201')

    def test_the_task_comes_first(self):
        self.check(rules.task_first, {'src/net/a.c': 'int a(int b, struct task *t)\n{\n}\n'},
                   'src/net/a.c:1: ')
        self.check(rules.task_first, {'src/net/a.c': 'int a(struct task *t, int b)\n{\n}\n'})

    def test_unfinished_work_is_found(self):
        self.check(rules.leftovers, {'src/io/a.c': '/* TO' + 'DO: later */\n/* ------ */\n'},
                   'src/io/a.c:1: ', 'src/io/a.c:2: ')

    def test_no_more_than_five_exemptions(self):
        self.assertLessEqual(len(rules.EXEMPT), 5)


if __name__ == '__main__':
    unittest.main()
