"""Who is on the platform that the system tests share (``platform``, in the tests' first conftest)."""

from __future__ import annotations

from paravent.drill.platform import INSURERS, SERVERS

KEYSERVERS = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))
PARTIES = (*KEYSERVERS, "hub", "desk", *(f"insurer-{amc}" for amc in INSURERS))
