#!/usr/bin/env python3
"""store.py TREE [ROWS] - what the store does, on SQLite and on a PostgreSQL of its own.

Both databases lie in /tmp and reach the disk at each commit. The PostgreSQL is stopped
and removed at the end; where there is none, that is said.
"""
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / 'tests' / 'e2e'))

from postgres import Postgres  # noqa: E402


def main():
    tree, rows = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else '1000000'
    program = str(Path(tree) / 'bench' / 'store_bench')
    print('SQLite', flush=True)
    subprocess.run([program, '/tmp', rows], check=True)
    server = Postgres('--durable')
    try:
        if server.missing:
            print(f'skip PostgreSQL: {server.missing}')
            return
        print('PostgreSQL', flush=True)
        subprocess.run([program, '/tmp', rows, server.database()], check=True)
    finally:
        server.close()


main()
