"""The verdicts of the benchmark's table."""
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root))

from bench.table import Table  # noqa: E402


class Verdicts(unittest.TestCase):
    def verdict(self, key, nginx, quipu, **more):
        table = Table(['nginx', 'quipu'])
        table.add(key, {'nginx': nginx, 'quipu': quipu}, **more)
        return table.data['rows'][key]['ok'], table.is_met()

    def test_a_row_may_be_measured_against_nginx(self):
        self.assertEqual(self.verdict('chat_cpu', [30.0], [30.0]), (True, True))
        self.assertEqual(self.verdict('chat_cpu', [30.0], [30.1]), (False, False))

    def test_a_row_may_have_a_number_to_reach(self):
        self.assertEqual(self.verdict('latency_p50', [20.0], [60.0]), (True, True))
        self.assertEqual(self.verdict('latency_p50', [200.0], [61.0]), (False, False))

    def test_more_may_be_better(self):
        self.assertEqual(self.verdict('streams_open', [5], [10], goal=10), (True, True))
        self.assertEqual(self.verdict('streams_open', [10], [9], goal=10), (False, False))

    def test_the_median_of_the_rounds_counts(self):
        self.assertEqual(self.verdict('chat_cpu', [30.0, 31.0, 90.0], [10.0, 31.0, 99.0]),
                         (True, True))

    def test_a_row_without_a_target_only_informs(self):
        self.assertEqual(self.verdict('wrk_rps', [100.0], [1.0]), (None, True))

    def test_what_could_not_be_measured_is_not_met(self):
        table = Table(['nginx', 'quipu'])
        table.data['failed']['start'] = 'it did not answer'
        self.assertFalse(table.is_met())

    def test_without_nginx_its_rows_have_no_verdict(self):
        table = Table(['quipu'])
        table.add('chat_cpu', {'quipu': [30.0]})
        self.assertIsNone(table.data['rows']['chat_cpu']['ok'])


if __name__ == '__main__':
    unittest.main()
