"""The time-stamping authority of the drill behind an address on loopback, inside the test's own process."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from paravent.drill.authority import LocalAuthority, listening


class StampingAuthority:
    """The authority behind an address on loopback."""

    def __init__(self, folder: Path) -> None:
        """Makes new keys and starts listening."""
        local = LocalAuthority(folder / "authority")
        self._server = listening(folder / "authority", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.certificate, self.root = folder / "certificate.pem", folder / "root.pem"
        local.write_pins(self.certificate, self.root)

    def __enter__(self) -> Self:
        """Answers until the end."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
