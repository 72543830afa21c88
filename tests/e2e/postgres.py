"""A PostgreSQL of one's own: Debian's binaries, a new cluster in a temporary folder.

	def test_something(postgres):            # the server; skips where there is none
	    url = postgres.database()            # of a new, empty database
	    postgres.sql(url, "SELECT 1")
	    postgres.stop("immediate"); postgres.start(); postgres.restart("immediate")

It listens on a port of the loopback (with a password) and on a socket in its folder
(without). The server belongs to a process of its own, which stops it and removes the
folder as soon as whoever asked for it is gone, however that ended.

As a program (python3 postgres.py [--durable]) it is that process, and takes its orders
from stdin, one per line, each answered by "ok ..." or "error ...":

	database NAME | start | stop MODE | restart MODE | revive | sql NAME SQL

Its first line is "ok SOCKET_FOLDER PORT". Without the binaries it is "none REASON".
--durable: commits reach the disk, as in production.
"""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

USER, PASSWORD = "quipu", "pg-s3cret/p@ss"
IN_URL = "pg-s3cret%2Fp%40ss"
CONF = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
max_connections = 60
log_min_messages = fatal
"""
# A crash of the server loses nothing either way: only the machine's would.
FAST = """
fsync = off
full_page_writes = off
"""


def binaries():
    """The folder of initdb and pg_ctl, the newest one; None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if found:
        return os.path.dirname(max(found, key=lambda p: float(p.split("/")[4])))
    initdb = shutil.which("initdb")
    return initdb and os.path.dirname(os.path.realpath(initdb))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """What runs in the process of its own."""

    def __init__(self, durable):
        self.bin = binaries()
        self.folder = tempfile.mkdtemp(prefix="quipu-pg-")
        self.data = os.path.join(self.folder, "data")
        # It does not run as root.
        self.drop = {}
        if os.geteuid() == 0:
            names = [p.pw_name for p in pwd.getpwall()]
            who = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.folder, who.pw_uid, who.pw_gid)
            os.chmod(self.folder, 0o755)
            self.drop = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        secret = os.path.join(self.folder, "password")
        with open(secret, "w") as f:
            f.write(PASSWORD)
        os.chmod(secret, 0o644)
        self.run("initdb", "-D", self.data, "-U", USER, "--pwfile", secret, "-E", "UTF8", "--locale=C",
                 "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a") as f:
            f.write(CONF.format(folder=self.folder) + ("" if durable else FAST))
        self.find_port()

    def run(self, program, *args):
        done = subprocess.run([os.path.join(self.bin, program), *args], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, timeout=120,
                              env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}, **self.drop)
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout.decode('utf-8', 'replace').strip()}")
        return done.stdout.decode("utf-8", "replace").strip()

    def find_port(self):
        for attempt in range(5):
            self.port = free_port()
            try:
                return self.start()
            except RuntimeError:
                if attempt == 4:
                    raise

    def start(self):
        # Its output goes to a file: a pipe would be held open by the server.
        self.run("pg_ctl", "start", "-w", "-t", "60", "-D", self.data, "-o", f"-p {self.port}",
                 "-l", os.path.join(self.folder, "log"))

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "stop", "-w", "-t", "60", "-D", self.data, "-m", mode)

    def restart(self, mode="immediate"):
        self.stop(mode)
        self.start()

    def revive(self):
        try:
            self.run("pg_ctl", "status", "-D", self.data)
        except RuntimeError:
            self.start()

    def sql(self, name, text):
        return self.run("psql", "-h", self.folder, "-p", str(self.port), "-U", USER, "-d", name, "-X", "-q",
                        "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text).replace("\n", " ")

    def database(self, name):
        self.sql("postgres", f'CREATE DATABASE "{name}"')

    def close(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            try:
                self.stop()
            except RuntimeError as e:
                print(e, file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)


def obey(server, line):
    order, *args = line.split(" ", 2 if line.startswith("sql ") else -1)
    if order not in ("database", "start", "stop", "restart", "revive", "sql"):
        raise RuntimeError(f"no such order: {order}")
    return getattr(server, order)(*args) or ""


def main():
    if not binaries():
        print("none no PostgreSQL here: apt-get install postgresql", flush=True)
        return
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(s, signal.SIG_IGN)
    server = Server("--durable" in sys.argv)
    try:
        print(f"ok {server.folder} {server.port}", flush=True)
        for line in sys.stdin:
            try:
                print("ok", obey(server, line.strip()), flush=True)
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                print("error", " ".join(str(e).split()), flush=True)
    except BrokenPipeError:
        pass
    finally:
        server.close()


class Postgres:
    """What a test talks to."""

    def __init__(self, *flags, folder=None):
        """folder: where its folder is made."""
        env = {**os.environ, "TMPDIR": str(folder)} if folder else None
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), *flags], text=True, env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.count = 0
        word, _, rest = self.process.stdout.readline().strip().partition(" ")
        self.missing = rest if word == "none" else None
        if word == "ok":
            self.folder, self.port = rest.split()
        elif word != "none":
            self.close()
            raise AssertionError("PostgreSQL does not start; its own words are above")

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        word, _, rest = self.process.stdout.readline().rstrip("\n").partition(" ")
        assert word == "ok", f"{words}: {rest}"
        return rest

    def database(self):
        """The URL of a new database."""
        self.count += 1
        self.ask("database", f"test{self.count}")
        return self.url(f"test{self.count}")

    def url(self, name, user=USER, password=IN_URL):
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{name}"

    def socket_url(self, url):
        """The same database, by the socket."""
        return f"postgres://{USER}@{self.folder.replace('/', '%2F')}:{self.port}{urlsplit(url).path}"

    def sql(self, url, text):
        """What psql prints, in one line; columns are parted by |."""
        return self.ask("sql", urlsplit(url).path[1:], " ".join(text.split()))

    def start(self):
        self.ask("start")

    def revive(self):
        """Start it if it has ended by itself."""
        self.ask("revive")

    def stop(self, mode="fast"):
        self.ask("stop", mode)

    def restart(self, mode="fast"):
        self.ask("restart", mode)

    def close(self):
        self.process.stdin.close()
        self.process.wait(120)
        self.process.stdout.close()


if __name__ == "__main__":
    main()
