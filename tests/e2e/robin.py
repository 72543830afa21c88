"""A TCP proxy that gives each new connection to the next of several ports.

    front = Robin([q1.port, q2.port])
    front.url
    front.close()
"""
import itertools
import socket
import threading


def pump(source, sink):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
    except OSError:
        pass
    for s, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            s.shutdown(how)
        except OSError:
            pass


class Robin:
    def __init__(self, ports):
        self.next = itertools.cycle(ports)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.served = {port: 0 for port in ports}
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        # A blocked accept() keeps the socket alive: shut it down first.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            port = next(self.next)
            self.served[port] += 1
            threading.Thread(target=self._serve, args=(client, port), daemon=True).start()

    @staticmethod
    def _serve(client, port):
        try:
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()
            return
        with client, server:
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()
