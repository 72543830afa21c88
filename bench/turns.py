"""Responses: what a turn costs beside the same chat completion, and what does not grow.

All of it with the store on, as that is how responses are used.
"""
import http.client
import json
import statistics
import time

TOKENS = 10         # of an answer, whole or streamed
HOLD_MS = 4         # so that a disk can follow
FIRST_CONNECTIONS, FIRST_HOLD_MS = 64, 50
SHORT, LONG = 10, 1000  # turns of a chain
ASKED, ROUNDS = 50, 7  # requests that measure one place of a chain, and how often
QUEUED = 10000      # background responses
STREAMS, STREAMS_PACE_MS = 2000, 500


def crowds(plan):
    """(row, what it is asked for) of the rounds; each is asked as chat and as a response."""
    common = ['--connections', 16, '--warmup', 0, '--seconds', plan['seconds']]
    return (('turn_whole', [*common, '--user', f'mock tokens={TOKENS} pace=0 hold={HOLD_MS}']),
            ('turn_stream', [*common, '--stream', '--user', f'mock tokens={TOKENS} pace=1']),
            ('turn_events', [*common, '--stream', '--user', 'mock tokens=100 pace=1']))


def overhead(bench):
    """CPU time of a response minus that of a chat completion, by the same server."""
    found = {}
    with bench.machine.server('kept') as server:
        server.free_others()
        for _ in range(bench.plan['rounds']):
            for key, args in crowds(bench.plan):
                chat = cost(bench, server, args)
                turn = cost(bench, server, [*args, '--responses'])
                for name, a, b in zip(('', '_all'), chat, turn):
                    found.setdefault(key + name, []).append(b - a)
    for key, values in found.items():
        bench.table.add(key, {'quipu': values})


def cost(bench, server, args):
    """CPU time of a request, in us: of the serving thread, and of the whole process."""
    before = server.serving_us()
    end = bench.crowd(server, *args)
    return (server.serving_us() - before) / end['done'], end['cpu_us'] / end['done']


def first(bench):
    """From the request's first byte until response.created is there."""
    found = {'turn_first_p50': [], 'turn_first_p99': []}
    with bench.machine.server('kept') as server:
        server.free_others()
        for _ in range(bench.plan['rounds']):
            end = bench.crowd(server, '--responses', '--stream', '--connections',
                              FIRST_CONNECTIONS, '--seconds', bench.plan['seconds'], '--user',
                              f'mock tokens={TOKENS} pace=1 hold={FIRST_HOLD_MS}')
            for q in ('p50', 'p99'):
                found[f'turn_first_{q}'].append(end['first_us'][q] / 1e3)
    for key, values in found.items():
        bench.table.add(key, {'quipu': values})


class Client:
    """One connection that asks for whole responses."""

    def __init__(self, server):
        self.server = server
        self.conn = http.client.HTTPConnection('127.0.0.1', server.port, timeout=30)

    def ask(self, method, path, body=None):
        self.conn.request(method, path, body and json.dumps(body),
                          {'Content-Type': 'application/json'})
        answer = self.conn.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f'{path}: {answer.status}: {found}')
        return found

    def turn(self, **more):
        return self.ask('POST', '/v1/responses', {
            'model': 'openai/gpt-4o', 'user': f'mock tokens={TOKENS} pace=0',
            'input': 'What is a quipu, and who knotted them?', **more})

    def costs(self, **more):
        """CPU time of the whole process for one such turn, in us."""
        before = self.server.cpu_us()
        for _ in range(ASKED):
            self.turn(**more)
        return (self.server.cpu_us() - before) / ASKED


def chain(client):
    """The costs of the turn after SHORT, and of that after LONG."""
    marks, last = {}, None
    for n in range(1, LONG + 1):
        more = {'previous_response_id': last} if last else {}
        last = client.turn(**more)['id']
        marks[n] = last
    found = [[client.costs(previous_response_id=marks[n]) for n in (SHORT, LONG)]
             for _ in range(ROUNDS)]
    return [statistics.median(x) for x in zip(*found)]


def conversation(client):
    """The same for conversations, which go on: one is long, many are asked once."""
    def begin():
        return client.ask('POST', '/v1/conversations', {})['id']
    far = begin()
    for _ in range(LONG - ASKED):
        client.turn(conversation=far)
    names = [begin() for _ in range(ASKED)]
    for n in names * SHORT:
        client.turn(conversation=n)
    before = client.server.cpu_us()
    for n in names:
        client.turn(conversation=n)
    short = (client.server.cpu_us() - before) / ASKED
    return [short, client.costs(conversation=far)]


def long(bench):
    """The 1,001st turn beside the 11th."""
    for key, measure in (('chain_growth', chain), ('conversation_growth', conversation)):
        with bench.machine.server('kept') as server:
            server.free_others()
            short, far = measure(Client(server))
            bench.table.add(key, {'quipu': [far / short]})
            bench.table.note(key, f'{short:,.0f} us and {far:,.0f} us')


def background(bench):
    """Many responses queued behind a slow upstream; SQLite's cache fills meanwhile."""
    body = {'model': 'openai/gpt-4o', 'background': True, 'user': 'mock tokens=1 hold=3000',
            'input': 'What is a quipu?'}
    with bench.machine.server('kept') as server:
        server.free_others()
        client, before, sizes = Client(server), time.monotonic(), [server.pss_kb()]
        for _ in range(5):
            for _ in range(QUEUED // 5):
                client.ask('POST', '/v1/responses', body)
            sizes.append(server.pss_kb())
        took = time.monotonic() - before
    bench.table.add('queued_growth', {'quipu': [100 * (sizes[-1] - sizes[-2]) / sizes[-2]]})
    bench.table.note('queued_growth', ', '.join(f'{s / 1024:.1f}' for s in sizes) + ' MB')
    bench.table.add('queued_rate', {'quipu': [QUEUED / took]})


def streams(bench):
    """Memory of a response that streams, beside that of a chat completion."""
    found = []
    for more in ([], ['--responses']):
        with bench.machine.server('kept') as server:
            before, sizes = server.pss_kb(), []
            bench.crowd(server, *more, '--connections', STREAMS, '--stream', '--user',
                        f'mock tokens=1000000 pace={STREAMS_PACE_MS}', '--warmup', 2,
                        '--seconds', 5, on_line=lambda line: sizes.append(server.pss_kb()))
            found.append((max(sizes) - before) / STREAMS)
    bench.table.add('turn_stream_kb', {'quipu': [found[1]]}, direct=None)
    bench.table.note('turn_stream_kb', f'a chat completion takes {found[0]:.1f} KB')
