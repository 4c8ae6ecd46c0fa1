"""What other machines show: the instants that key servers sign, one's own public address (docs/governance.md)."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

from paravent.access.doctor.facts import Clock, Front
from paravent.access.doctor.machine_store import synchronised
from paravent.access.no_redirect_client import NoRedirect
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ParaventError
from paravent.wire.codec import BODY_BYTES_MAX, decode
from paravent.wire.statements import BoxKeyStatement, Directory, KeyServerEntry, Signed, open_statement

PEER_SECONDS_MAX = 3.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())


def clock_of(directory: Directory | None) -> Clock | None:
    """Compares this clock with the instants that key servers sign; who does not answer is left out."""
    if directory is None:
        return None
    found = {server.name: _difference(server) for server in directory.keyservers}
    return Clock(
        differences={name: value for name, value in found.items() if value is not None}, synchronised=synchronised()
    )


def _difference(server: KeyServerEntry) -> float | None:
    """Returns by how many seconds this clock is ahead of what a server signs now; None without an answer."""
    before = time.time()
    try:
        with _OPENER.open(f"{server.address}/v1/box-key", timeout=PEER_SECONDS_MAX) as answer:
            signed = decode(answer.read(BODY_BYTES_MAX), Signed)
        said = open_statement(signed, BoxKeyStatement, Label.BOX_KEY, server.name, VerifyKey(server.verify_key))
    except (OSError, HTTPException, ParaventError):
        return None
    middle = (before + time.time()) / 2
    # A whole second was signed: half a second is the middle of what it stands for.
    return middle - (said.issued_at + 0.5)


def front_of(base_url: str) -> Front:
    """Connects to a public address as anybody does, and reads when its certificate ends."""
    url = urlsplit(base_url)
    if url.scheme != "https" or url.hostname is None:
        return Front(base_url=base_url, certificate_ends_at=None, fault=None)
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((url.hostname, url.port or 443), timeout=PEER_SECONDS_MAX) as plain,
            context.wrap_socket(plain, server_hostname=url.hostname) as secured,
        ):
            certificate = secured.getpeercert() or {}
        ends = str(certificate.get("notAfter", ""))
        return Front(base_url=base_url, certificate_ends_at=int(ssl.cert_time_to_seconds(ends)), fault=None)
    except (OSError, ValueError) as error:
        # The kind of fault alone: its text may quote what the other side sent.
        return Front(base_url=base_url, certificate_ends_at=None, fault=type(error).__name__)
