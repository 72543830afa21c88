"""kept - rows of the store: how fast it writes and lists, and what a million requests leave in memory."""
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.machine import ALL_CORES, Failed, hurry, tree

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'tests' / 'e2e'))

from postgres import Postgres  # noqa: E402

SQLITE_RATE = 20000
LINE = re.compile(r'^(\S.*?)\s{2,}([\d.]+) (?:completions/s|ms median|MB)', re.M)
BENCH_TIMEOUT_S = 1200


def fill(bench, *uri):
    """Write rows and read them, with store_bench; {what its line is called: number}."""
    rows = bench.plan['rows']
    args = ['taskset', '-c', ','.join(map(str, ALL_CORES)), bench.machine.tools / 'store_bench',
            bench.machine.work, str(rows), *uri]
    proc = hurry(subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  stdin=subprocess.DEVNULL, start_new_session=True), bench.machine.nice)
    try:
        text = proc.communicate(timeout=BENCH_TIMEOUT_S)[0]
    except subprocess.TimeoutExpired as e:
        raise Failed(f'store_bench took more than {BENCH_TIMEOUT_S} s') from e
    finally:
        proc.kill()
        proc.wait()
    if proc.returncode != 0:
        raise Failed(text.strip())
    return {name: float(number) for name, number in LINE.findall(text)}


class Hurry(threading.Thread):
    """Every process of PostgreSQL is a session, so each has to be told, when it is there."""

    def __init__(self, server, nice):
        super().__init__(daemon=True)
        self.server, self.nice, self.over = server, nice, threading.Event()

    def run(self):
        master = int((Path(self.server.folder) / 'data' / 'postmaster.pid').read_text().split()[0])
        while self.nice and not self.over.wait(0.2):
            for pid in tree(master):
                hurry(pid, self.nice)


def sqlite(bench):
    found = fill(bench)
    limit = found['disk: its limit']
    bench.table.add('disk_rate', {'quipu': [limit]})
    bench.table.add('sqlite_rate', {'quipu': [found['each group on the disk']]}, goal=min(limit, SQLITE_RATE))
    bench.table.add('sqlite_list', {'quipu': [found['the last 20']]})
    bench.table.note('sqlite_list', f'among {bench.plan["rows"]:,} rows')


def postgres(bench):
    """Of a server of its own, whose commits reach the disk."""
    server = Postgres('--durable')
    speed = Hurry(server, bench.machine.nice)
    try:
        if server.missing:
            bench.table.note('postgres_rate', f'skipped: {server.missing}')
            return
        speed.start()
        found = fill(bench, server.database())
    finally:
        speed.over.set()
        server.close()
    bench.table.add('postgres_rate', {'quipu': [found['each group on the disk']]})
    bench.table.add('postgres_list', {'quipu': [found['the last 20']]})


def memory(bench):
    """PSS after the first half of the requests, when caches have what they take, and at the end."""
    count, steps = bench.plan['requests'], 10
    sizes = []
    with bench.machine.server('kept') as server:
        server.free_others()
        for _ in range(steps):
            bench.crowd(server, '--connections', 16, '--warmup', 0, '--requests', count // steps,
                        '--seconds', 120)
            time.sleep(0.2)
            sizes.append(server.pss_kb())
    half, end = sizes[steps // 2 - 1], sizes[-1]
    bench.table.add('store_growth', {'quipu': [100 * (end - half) / half]})
    bench.table.note('store_growth', f'{half / 1024:.1f} MB after {count // 2:,} requests, '
                                     f'{end / 1024:.1f} MB after {count:,}')
    bench.table.data['store_kb'] = sizes
