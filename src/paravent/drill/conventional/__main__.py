"""Serves the portal of one home on loopback: ``python -m paravent.drill.conventional HOME PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

from paravent.access.app import serve
from paravent.drill.conventional.app import build

if __name__ == "__main__":
    serve(build(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]))
