"""Servers that are reached and then let wait, at each stage of a request."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: What a server has said before it goes on with a byte at a time, or says no more: by stage.
SAID = {
    "accepted": b"",
    "TLS": b"\x16\x03\x03\x40\x00\x02",  # a record of 16 KiB begins
    "CONNECT": b"HTTP/1.1 200 OK\r\nX: ",
    "head": b"HTTP/1.1 200 OK\r\nX: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000;x=",
}
DRIP = {"chunks": b"1\r\nx\r\n"}


@contextmanager
def reluctant(stage: str, drips: bool) -> Iterator[int]:
    """A server that falls silent at a stage, or drips: a byte each 50 ms. Its port."""
    stopped = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                if stage != "accepted":
                    connection.recv(65536)
                connection.sendall(SAID[stage])
                while not stopped.wait(0.05):
                    if drips:
                        connection.sendall(DRIP.get(stage, b"x"))
            except OSError:
                pass  # it hung up

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stopped.set()
            thread.join()


@contextmanager
def full() -> Iterator[int]:
    """A port whose queue is full: the system drops what asks for a connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        queued = []
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            queued.append(client)
        time.sleep(0.1)
        try:
            yield port
        finally:
            for client in queued:
                client.close()
