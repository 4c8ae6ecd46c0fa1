"""A proxy on loopback that forwards bytes and keeps a copy of both directions."""

from __future__ import annotations

import socket
import threading
from pathlib import Path


class Capture:
    """Listens on one port, forwards to another, and writes everything to a file."""

    def __init__(self, port: int, target: int, file: Path) -> None:
        """Starts listening."""
        self._target = target
        self._file = file.open("ab", buffering=0)
        self._server = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.close()
        self._thread.join(2)
        self._file.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                upstream = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            for source, sink in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self._file.write(data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    end.close()
