"""The processes that a benchmark needs, each on its core, and what they use.

Everything listens on 127.0.0.1 on ports that were free, works in one directory
below build/, and is killed with its whole process group when the run ends.
"""
import contextlib
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
SERVER_CORE, LOAD_CORE = 0, 1
START_TIMEOUT_S = 10
LOAD_TIMEOUT_S = 180
BUSY_POLL = '200us'
POOL = 2048  # idle connections to the mock that either server may keep
libc = ctypes.CDLL(None)


class Failed(Exception):
    """A measurement could not be made; the text says why."""


def cores():
    return sorted(os.sched_getaffinity(0))


def pin(which):
    """Pin the caller to the first or second usable core, if there are two."""
    usable = ALL_CORES
    if len(usable) > 1:
        os.sched_setaffinity(0, {usable[which]})


def at_child_start(which):
    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        pin(which)
    return prepare


def hurry(proc, nice):
    """Linux groups processes by session: niceness alone counts only within one."""
    if nice:
        pid = proc if isinstance(proc, int) else proc.pid
        with contextlib.suppress(OSError), open(f'/proc/{pid}/autogroup', 'w') as f:
            f.write(str(nice))
    return proc


def end(proc):
    """End a process group: ask, wait a moment, kill."""
    if proc.poll() is None:
        proc.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            proc.wait(2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(proc.pid, signal.SIGKILL)
    proc.wait()
    if proc.stdout:
        proc.stdout.close()


def raise_files():
    """Allow as many open files as the system lets us; returns the number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, 65536), max(hard, 65536)))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def chat(port, timeout=5.0):
    """One chat request; the status, or None while nobody listens."""
    body = b'{"model":"openai/gpt-4o","messages":[{"role":"user","content":"hi"}]}'
    head = ('POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n'
            'Content-Type: application/json\r\nAuthorization: Bearer sk-bench\r\n'
            f'Content-Length: {len(body)}\r\n\r\n')
    try:
        with socket.create_connection(('127.0.0.1', port), timeout) as s:
            s.sendall(head.encode() + body)
            answer = s.recv(4096)
    except (ConnectionRefusedError, ConnectionResetError):
        return None
    except TimeoutError as e:
        raise Failed(f'no answer on port {port}') from e
    m = re.match(rb'HTTP/1\.[01] (\d+)', answer)
    return int(m.group(1)) if m else None


def tree(pid):
    """The process and its children: nginx has a master and a worker."""
    pids = [pid]
    with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{pid}/children') as f:
        for child in f.read().split():
            pids += tree(int(child))
    return pids


def read_kb(path, key):
    with contextlib.suppress(OSError), open(path) as f:
        m = re.search(rf'^{key}:\s+(\d+) kB', f.read(), re.M)
        return int(m.group(1)) if m else 0
    return 0


class Server:
    """A server under test: quipu, nginx, or the mock itself."""

    def __init__(self, name, args, port, log, nice=0, env=None):
        self.name, self.port, self.log = name, port, log
        self.target = f'{name}=127.0.0.1:{port}'
        self.began = time.monotonic()
        with open(log, 'ab') as f:
            # Pinned beforehand: a fork of Python would count as starting time.
            pin(SERVER_CORE)
            self.proc = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=f,
                                         stderr=f, start_new_session=True)
            pin(LOAD_CORE)
        hurry(self.proc, nice)

    def wait_ready(self):
        """Wait for the first good answer; returns the seconds since the start."""
        status = None
        while time.monotonic() - self.began < START_TIMEOUT_S:
            status = chat(self.port)
            if status == 200:
                return time.monotonic() - self.began
            if self.proc.poll() is not None:
                raise Failed(f'{self.name} ended with {self.proc.returncode}: see {self.log}')
            time.sleep(0.0002)
        raise Failed(f'{self.name} did not answer with 200 but {status}: see {self.log}')

    def pids(self):
        return tree(self.proc.pid)

    def threads(self):
        """(name, number) of each thread."""
        for task in os.listdir(f'/proc/{self.proc.pid}/task'):
            with open(f'/proc/{self.proc.pid}/task/{task}/comm') as f:
                yield f.read().strip(), int(task)

    def serving_us(self):
        """CPU time of the threads that serve, without the store's."""
        total = 0
        for name, task in self.threads():
            with open(f'/proc/{self.proc.pid}/task/{task}/schedstat') as f:
                total += int(f.read().split()[0]) if name == 'worker' else 0
        return total / 1e3

    def cpu_us(self):
        """CPU time of all threads."""
        total = 0
        for _, task in self.threads():
            with contextlib.suppress(FileNotFoundError), open(
                    f'/proc/{self.proc.pid}/task/{task}/schedstat') as f:
                total += int(f.read().split()[0])
        return total / 1e3

    def free_others(self):
        """Let all threads but those that serve run on any core."""
        for name, task in self.threads():
            if name != 'worker':
                os.sched_setaffinity(task, ALL_CORES)

    def pss_kb(self):
        return sum(read_kb(f'/proc/{p}/smaps_rollup', 'Pss') for p in self.pids())

    def rss_kb(self):
        return sum(read_kb(f'/proc/{p}/smaps_rollup', 'Rss') for p in self.pids())

    def peak_kb(self):
        return sum(read_kb(f'/proc/{p}/status', 'VmHWM') for p in self.pids())

    def stop(self):
        end(self.proc)


NGINX_CONF = '''
{user}
worker_processes 1;
worker_rlimit_nofile {files};
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log crit;
events {{ worker_connections {slots}; }}
http {{
	access_log off;
	client_body_temp_path {dir}/temp1;
	proxy_temp_path {dir}/temp2;
	fastcgi_temp_path {dir}/temp3;
	uwsgi_temp_path {dir}/temp4;
	scgi_temp_path {dir}/temp5;
	keepalive_requests 1000000000;
	keepalive_timeout 3600s;
	client_max_body_size 0;
	client_body_buffer_size 256k;
	upstream mock {{
		server 127.0.0.1:{mock};
		keepalive {pool};
		keepalive_requests 1000000000;
		keepalive_timeout 3600s;
	}}
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		location / {{
			proxy_pass http://mock;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering {buffering};
			proxy_read_timeout 3600s;
		}}
	}}
}}
'''


class Machine:
    """Starts what a measurement needs; a context manager that ends it all."""

    def __init__(self, tree_dir, quipu, work, nice=0):
        self.quipu, self.work, self.nice = quipu, work, nice
        self.tools = tree_dir / 'bench'
        self.files = raise_files()
        self.stack = contextlib.ExitStack()
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)

    def spawn(self, args, which=LOAD_CORE, **kwargs):
        return hurry(subprocess.Popen(args, start_new_session=True, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, text=True,
                                      preexec_fn=at_child_start(which), **kwargs),
                     self.nice)

    def __enter__(self):
        pin(LOAD_CORE)
        self.mock, self.mock_port = self.start_mock(LOAD_CORE)
        # As far away as the server: what the way between two cores costs.
        _, self.far_mock_port = self.start_mock(SERVER_CORE)
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def start_mock(self, which):
        proc = self.spawn([self.tools / 'bench_mock'], which)
        self.stack.callback(end, proc)
        return proc, json.loads(proc.stdout.readline())['port']

    def mock_stats(self):
        with socket.create_connection(('127.0.0.1', self.mock_port), 5) as s:
            s.sendall(b'GET /mock HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            return json.loads(s.recv(4096).split(b'\r\n\r\n')[1])

    def nginx(self, buffering='off'):
        where = self.work / f'nginx-{buffering}'
        where.mkdir(exist_ok=True)
        port = free_port()
        conf = where / 'nginx.conf'
        conf.write_text(NGINX_CONF.format(
            user='user root;' if os.geteuid() == 0 else '', files=self.files,
            # nginx begins to drop idle ones when a sixteenth is left.
            slots=self.files + self.files // 8, dir=where, mock=self.mock_port, pool=POOL,
            port=port, buffering=buffering))
        binary = shutil.which('nginx', path=os.environ.get('PATH', '') + ':/usr/sbin')
        if binary is None:
            raise Failed('nginx is not installed')
        return Server('nginx', [binary, '-p', where, '-e', where / 'nginx.log', '-c', conf],
                      port, where / 'nginx.out', self.nice)

    def quipu_server(self, name, busy_poll='0', store='none'):
        port = free_port()
        env = {
            'PATH': os.environ.get('PATH', ''), 'HOME': str(self.work),
            'QUIPU_HOST': '127.0.0.1', 'QUIPU_PORT': str(port), 'QUIPU_WORKERS': '1',
            'QUIPU_LOG_ACCESS': 'false',
            'QUIPU_POOL_MAX_IDLE': str(POOL),
            'QUIPU_BUSY_POLL': busy_poll,
            'QUIPU_STORE': store,
            'OPENAI_API_KEY': 'sk-bench',
            'OPENAI_BASE_URL': f'http://127.0.0.1:{self.mock_port}/v1',
        }
        return Server(name, [self.quipu, 'serve'], port, self.work / f'{name}.log',
                      self.nice, env)

    @contextlib.contextmanager
    def server(self, name, buffering='off'):
        """A fresh server that has answered once."""
        if name == 'nginx':
            server = self.nginx(buffering)
        elif name == 'kept':
            server = self.quipu_server(name, store=f'sqlite:{self.work}/kept.db')
        else:
            server = self.quipu_server(name, BUSY_POLL if name == 'busy' else '0')
        try:
            server.first_answer_s = server.wait_ready()
            yield server
        finally:
            server.stop()

    def load(self, mode, *args, targets, on_line=None):
        """Run the load generator; returns its last line, or all of them."""
        args = [self.tools / 'bench_load', mode, *map(str, args), *targets]
        proc = self.spawn(args, stderr=subprocess.PIPE)
        lines = []
        try:
            deadline = time.monotonic() + LOAD_TIMEOUT_S
            for line in proc.stdout:
                lines.append(json.loads(line))
                if on_line:
                    on_line(lines[-1])
                if time.monotonic() > deadline:
                    raise Failed('the load generator takes too long')
            errors = proc.stderr.read().strip()
            if proc.wait(10) != 0:
                raise Failed(errors or f'the load generator ended with {proc.returncode}')
        finally:
            end(proc)
            proc.stderr.close()
        if self.mock.poll() is not None:
            raise Failed(f'the mock has ended with {self.mock.returncode}')
        return lines

    def wrk(self, port, connections, seconds):
        script = self.work / 'chat.lua'
        body = json.dumps({'model': 'openai/gpt-4o', 'temperature': 0.7, 'max_tokens': 512,
                           'messages': [{'role': 'user', 'content': 'knots ' * 150}]})
        script.write_text('wrk.method = "POST"\n'
                          'wrk.headers["Content-Type"] = "application/json"\n'
                          'wrk.headers["Authorization"] = "Bearer sk-bench"\n'
                          f'wrk.body = [[{body}]]\n')
        proc = self.spawn(['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '-s', script,
                           f'http://127.0.0.1:{port}/v1/chat/completions'])
        try:
            text = proc.communicate(timeout=seconds + 30)[0]
        finally:
            end(proc)
        m = re.search(r'Requests/sec:\s+([\d.]+)', text)
        if not m or 'Non-2xx' in text:
            raise Failed('wrk: ' + text.strip().splitlines()[-1])
        return float(m.group(1))


ALL_CORES = cores()
