#!/usr/bin/env python3
"""What recording costs, and what playing gives: bench/recordings.py [--build DIR]

Needs `ninja -C build/release quipu bench_tools bench/replay_bench`.  Prints a table
and exits 0 when each target is met, 1 when one is missed.
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EVENTS = 20000
FIRST = 400  # requests of each kind, in turn
ROUNDS = 7


class Program:
    def __init__(self, args, pattern, env=None):
        self.log = tempfile.NamedTemporaryFile('w+')
        self.process = subprocess.Popen(args, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={'PATH': os.environ['PATH'], 'QUIPU_STORE': 'none', **(env or {})})
        deadline = time.monotonic() + 30
        while True:
            with open(self.log.name) as f:
                found = re.search(pattern, f.read())
            if found:
                self.port = int(found.group(1))
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log.name) as f:
                    sys.exit(f'{args[0]} does not start:\n{f.read()}')
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def quipu(build, mock, *flags):
    return Program([os.path.join(build, 'quipu'), 'serve', '--host', '127.0.0.1', '--port', '0', '--workers', '1', *flags],
                   r'listening on http://\S*:(\d+) ',
                   {'OPENAI_BASE_URL': f'http://127.0.0.1:{mock.port}/v1', 'OPENAI_API_KEY': 'sk-bench-0123456789'})


def ask(tokens, seed=1):
    body = json.dumps({'model': 'openai/gpt-4o', 'stream': True, 'user': f'mock tokens={tokens} pace=0 hold=0',
                       'seed': seed, 'messages': [{'role': 'user', 'content': 'x' * 800}]}, separators=(',', ':')).encode()
    return (b'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
            b'content-length: %d\r\n\r\n' % len(body)) + body


class Client:
    """One kept-alive connection."""

    def __init__(self, port):
        self.sock = socket.create_connection(('127.0.0.1', port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def run(self, request):
        """(seconds to the first event, seconds to the end, bytes)"""
        begin = time.perf_counter()
        self.sock.sendall(request)
        first, total, tail = None, 0, b''
        while not tail.endswith(b'data: [DONE]\n\n\r\n0\r\n\r\n'):
            n = self.sock.recv_into(self.buffer)
            if n == 0:
                sys.exit('the connection was closed: ' + repr(tail[-200:]))
            if total == 0 and not self.buffer.startswith(b'HTTP/1.1 200 '):
                sys.exit('an answer that is not 200: ' + repr(bytes(self.buffer[:n])[:1000]))
            if first is None and (b'data:' in self.buffer[:n] or total > 0):
                first = time.perf_counter() - begin
            total += n
            tail = (tail + bytes(self.buffer[max(0, n - 64):n]))[-64:]
        return first, time.perf_counter() - begin, total


def first_event(mock, build, folder):
    """Medians of the time to the first event: not recording, recording."""
    servers = [quipu(build, mock), quipu(build, mock, '--record-mode', 'record', '--recordings', folder)]
    clients = [Client(s.port) for s in servers]
    times = [[], []]
    for i in range(FIRST + 20):
        for which in (0, 1) if i % 2 else (1, 0):
            first, _, _ = clients[which].run(ask(3, seed=i))
            if i >= 20:
                times[which].append(first)
    for s in servers:
        s.stop()
    return [statistics.median(t) * 1e6 for t in times]


def throughput(mock, build, folder):
    """Events a second of a long stream: proxied, played; and short ones."""
    recorder = quipu(build, mock, '--record-mode', 'record', '--recordings', folder)
    for tokens in (EVENTS, 20):
        Client(recorder.port).run(ask(tokens))
    recorder.stop()
    servers = [quipu(build, mock), quipu(build, mock, '--record-mode', 'replay', '--recordings', folder)]
    clients = [Client(s.port) for s in servers]
    rates, shorts = [[], []], [[], []]
    for _ in range(ROUNDS):
        for which in (0, 1):
            _, took, _ = clients[which].run(ask(EVENTS))
            rates[which].append(EVENTS / took)
            begin = time.perf_counter()
            for _ in range(200):
                clients[which].run(ask(20))
            shorts[which].append(200 / (time.perf_counter() - begin))
    for s in servers:
        s.stop()
    return [statistics.median(r) for r in rates], [statistics.median(r) for r in shorts]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default=os.path.join(ROOT, 'build', 'release'))
    build = parser.parse_args().build
    folder = tempfile.mkdtemp(prefix='bench-recordings-')
    mock = Program([os.path.join(build, 'bench', 'bench_mock'), '--listen', '127.0.0.1:0'], r':(\d+)')
    rows = []
    try:
        many = os.path.join(folder, 'many')
        os.mkdir(many)
        made = [json.loads(line) for line in subprocess.check_output(
            [os.path.join(build, 'bench', 'replay_bench'), many], text=True).splitlines()]
        rows.append(('10,000 recordings: index', made[0]['index_ms'], 'ms', made[0]['index_ms'] < 1000, '< 1,000'))
        rows.append(('... in the processor\'s time', made[0]['index_cpu_ms'], 'ms', True, ''))
        rows.append(('10,000 recordings: memory', made[0]['index_mb'], 'MB', made[0]['index_mb'] < 100, '< 100'))
        rows.append(('a lookup, request of 1 KB', made[1]['lookup_us'], 'us', made[1]['lookup_us'] < 20, '< 20'))
        off, on = first_event(mock, build, os.path.join(folder, 'first'))
        rows.append(('first event, not recording', off, 'us', True, ''))
        rows.append(('... added by recording', on - off, 'us', on - off < 50, '< 50'))
        (proxied, played), (short, short_played) = throughput(mock, build, os.path.join(folder, 'long'))
        rows.append((f'events a second, {EVENTS} in a stream, proxied', proxied, '', True, ''))
        rows.append(('... played', played, '', played >= 2 * proxied, '>= 2x'))
        rows.append(('streams of 20 events a second, one client, proxied', short, '', True, ''))
        rows.append(('... played', short_played, '', True, ''))
    finally:
        mock.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for title, value, unit, ok, target in rows:
        print(f'{title:55} {value:12,.1f} {unit:3} {target:8} {"" if ok else "MISSED"}')
    return 0 if all(r[3] for r in rows) else 1


if __name__ == '__main__':
    sys.exit(main())
