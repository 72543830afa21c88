"""The rows of the benchmark: what they are called, what they should reach."""
import json
import statistics
import sys

# key: (title, unit, digits, target, higher is better). A target is a number,
# "nginx" for nginx's own value, "all" for the goal that comes with the row, or
# None for a row that only informs.
ROWS = {
    'chat_cpu': ('CPU per chat request, 64 connections', 'us', 1, 'nginx', False),
    'many_cpu': ('CPU per chat request, 1,000 connections', 'us', 1, None, False),
    'chat_rps': ('chat requests per second', '', 0, None, True),
    'wrk_rps': ('chat requests per second, as wrk sees it', '', 0, None, True),
    'hop_p50': ('a mock on the server\'s core, added latency, p50', 'us', 1, None, False),
    'latency_p50': ('added latency, 1 connection, p50', 'us', 1, 60, False),
    'latency_p99': ('added latency, 1 connection, p99', 'us', 1, 100, False),
    'busy_p50': ('the same with busy_poll, p50', 'us', 1, None, False),
    'busy_p99': ('the same with busy_poll, p99', 'us', 1, None, False),
    'first_p50': ('added time to the first event, p50', 'us', 1, 100, False),
    'first_p99': ('added time to the first event, p99', 'us', 1, None, False),
    'event_cpu': ('CPU per SSE event, 200 paced streams', 'us', 1, 'nginx', False),
    'event_p99': ('an event\'s way, 200 paced streams, p99', 'us', 0, None, False),
    'burst_cpu': ('CPU per SSE event in bursts', 'us', 2, None, False),
    'burst_rate': ('SSE events per second in bursts', '', 0, None, True),
    'streams_open': ('streams open and flowing', '', 0, 'all', True),
    'stream_kb': ('memory per stream', 'KB', 1, 16, False),
    'stream_growth': ('growth of memory while they flow', '%', 1, 5, False),
    'stream_stall': ('longest delay of an event', 'ms', 0, 1000, False),
    'stream_cpu': ('CPU per SSE event at that many', 'us', 1, None, False),
    'idle_mb': ('memory when idle', 'MB', 1, 8, False),
    'bodies_mb': ('peak memory, 1,500 bodies of 150 KB', 'MB', 0, 300, False),
    'store_chat': ('CPU per chat request with the store, to without', 'x', 2, 1.25, False),
    'store_stream': ('the same for streams of 100 events', 'x', 2, 1.25, False),
    'store_p99': ('latency added by the store, 16 connections, p99', 'us', 0, 50, False),
    'disk_rate': ('completions of 1.4 KB a second, written and synced by 500', '', 0, None, True),
    'sqlite_rate': ('completions written per second, SQLite', '', 0, 'all', True),
    'sqlite_list': ('the last 20 of all that were written, SQLite', 'ms', 3, 5, False),
    'postgres_rate': ('completions written per second, PostgreSQL', '', 0, 5000, True),
    'postgres_list': ('the last 20 of all that were written, PostgreSQL', 'ms', 3, 5, False),
    'store_growth': ('growth of memory, second half of a million requests', '%', 1, 5, False),
    'turn_whole': ('CPU of a response beside the same chat completion', 'us', 1, 100, False),
    'turn_whole_all': ('the same, all threads', 'us', 1, None, False),
    'turn_stream': ('CPU of a streamed response of 10 tokens, the same', 'us', 1, 100, False),
    'turn_stream_all': ('the same, all threads', 'us', 1, None, False),
    'turn_events': ('CPU of a streamed response of 100 tokens, the same', 'us', 1, None, False),
    'turn_events_all': ('the same, all threads', 'us', 1, None, False),
    'turn_first_p50': ('first event of a response, 64 connections, p50', 'ms', 2, None, False),
    'turn_first_p99': ('the same, p99', 'ms', 2, 2, False),
    'chain_growth': ('the 1,001st turn of a chain, to the 11th', 'x', 2, 2, False),
    'conversation_growth': ('the 1,001st turn of a conversation, to the 11th', 'x', 2, 2, False),
    'queued_growth': ('growth of memory, 8,000 to 10,000 background responses', '%', 1, 5, False),
    'queued_rate': ('background responses queued per second', '', 0, None, True),
    'turn_stream_kb': ('memory per streamed response', 'KB', 1, None, False),
    'start_ms': ('start to first answer', 'ms', 1, 20, False),
}


class Table:
    def __init__(self, names):
        self.names = names
        self.data = {'rows': {}, 'failed': {}}
        self.notes = []

    def note(self, key, text):
        """Said below the table; also of a row that is not in it."""
        self.notes.append(f'{ROWS[key][0]}: {text}')

    def fail(self, part, why):
        self.data['failed'][part] = why
        print(f'{part}: {why}', file=sys.stderr)

    def add(self, key, found, goal=None, direct=None):
        """found is {server: [values]}; the median of each counts."""
        medians = {n: statistics.median(v) for n, v in found.items()}
        if direct is not None:
            medians['direct'] = direct
        _, _, _, target, is_higher_better = ROWS[key]
        if target == 'nginx':
            target = medians.get('nginx')
        elif target == 'all':
            target = goal
        mine, peer = medians.get('quipu'), medians.get('nginx')
        row = {'values': found, 'medians': medians, 'target': target,
               'ratio': mine / peer if mine is not None and peer else None, 'ok': None}
        if mine is not None and target is not None:
            row['ok'] = mine >= target if is_higher_better else mine <= target
        self.data['rows'][key] = row

    def is_met(self):
        return not self.data['failed'] and all(r['ok'] is not False
                                               for r in self.data['rows'].values())

    def cells(self, key, row):
        title, unit, digits, wish, is_higher_better = ROWS[key]

        def number(value):
            return '-' if value is None else f'{value:,.{digits}f}'
        target = ''
        if row['target'] is not None:
            sign = '>=' if is_higher_better else '<='
            target = f'{sign} ' + ('nginx' if wish == 'nginx' else number(row['target']))
        m = row['medians']
        ratio = '' if row['ratio'] is None else f'{row["ratio"]:.2f}'
        return [f'{title}{", " + unit if unit else ""}', target, number(m.get('direct')),
                number(m.get('nginx')), number(m.get('quipu')), ratio,
                {True: 'pass', False: 'FAIL', None: ''}[row['ok']]]

    def print(self):
        lines = [['', 'target', 'direct', 'nginx', 'quipu', 'ratio', '']]
        lines += [self.cells(k, self.data['rows'][k]) for k in ROWS if k in self.data['rows']]
        widths = [max(len(x[i]) for x in lines) for i in range(len(lines[0]))]
        for line in lines:
            cells = [c.ljust(w) if i == 0 or i == 6 else c.rjust(w)
                     for i, (c, w) in enumerate(zip(line, widths))]
            print('  '.join(cells).rstrip())
        for note in self.notes:
            print(note)
        for part, why in self.data['failed'].items():
            print(f'FAIL: {part}: {why}')
        if self.data['load'] > 0.5:
            print(f'other programs were running here (load {self.data["load"]:.1f}): '
                  'trust ratios, not numbers')

    def write(self, path):
        self.data['ok'] = self.is_met()
        path.write_text(json.dumps(self.data, indent=1) + '\n')
