"""A proxy on loopback that forwards bytes and keeps a copy of both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path


class Capture:
    """Listens on one port, forwards to another, and writes everything to a file."""

    def __init__(self, port: int, target: int, file: Path) -> None:
        """Starts listening."""
        self._target = target
        self._file = file.open("ab", buffering=0)
        self._connections: list[threading.Thread] = []
        self._server = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening, and waits until every connection has ended: its parties were stopped before."""
        # Closing a listening socket does not wake the thread that accepts on it; shutting it down does.
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._server.close()
        for connection in self._connections:
            connection.join(5)
        self._file.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            connection = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._connections.append(connection)
            connection.start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                upstream = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with upstream:
                back = threading.Thread(target=self._forward, args=(upstream, client), daemon=True)
                back.start()
                self._forward(client, upstream)
                back.join()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self._file.write(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
