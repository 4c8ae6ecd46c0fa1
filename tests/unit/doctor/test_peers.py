"""What other machines show: a clock that differs, an instant another signed, a certificate that ends or is unknown."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.stamping import StampingAuthority

from paravent.access.doctor.checks_machine import tls_front
from paravent.access.doctor.checks_time import clock
from paravent.access.doctor.facts import Facts
from paravent.access.doctor.peers_client import clock_of, front_of
from paravent.access.doctor.rules_store import shipped_rules
from paravent.access.doctor.witnessed import stamped_at, witnessed
from paravent.crypto.checkpoint import Checkpoint, cosign, cosigner_key, log_key, sign
from paravent.crypto.labels import Label
from paravent.crypto.signing import Seed, SigningKey
from paravent.keyserver.timestamp_client import Stamper
from paravent.wire.codec import encode
from paravent.wire.doctor import Outcome
from paravent.wire.statements import BoxKeyStatement, Directory, HubEntry, KeyServerEntry, sign_statement

KEYS = {name: SigningKey(Seed(bytes([number]) * 32)) for number, name in enumerate(("ks1", "ks2", "hub"), start=1)}
LIMITS = shipped_rules().limits
NOW = 1_795_000_000


@contextmanager
def served(answer: Callable[[], bytes], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Answers every request on a loopback port, in TLS when a context is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the library calls
            body = answer()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        # The handshake in the thread of the request: one that fails stops nobody.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def directory(port: int) -> Directory:
    entry = KeyServerEntry(
        name="ks1", address=f"http://127.0.0.1:{port}", verify_key=KEYS["ks1"].public, operator="o", host="h",
        administrator="a",
    )  # fmt: skip
    hub = HubEntry(name="hub", address="http://127.0.0.1:1", verify_key=KEYS["hub"].public)
    return Directory(version=1, issued_at=1, hub=hub, keyservers=(entry,), insurers=())


def signed(ahead: int, key: str = "ks1") -> bytes:
    said = BoxKeyStatement(server="ks1", box_key=b"k", issued_at=int(time.time()) + ahead)
    return encode(sign_statement(said, Label.BOX_KEY, "ks1", KEYS[key]))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda: signed(0), Outcome.OK),
        (lambda: signed(3_600), Outcome.WRONG),
        (lambda: signed(-3_600), Outcome.WRONG),
        (lambda: signed(0, "ks2"), Outcome.NOT_KNOWN),
        (lambda: b"not a statement", Outcome.NOT_KNOWN),
    ],
    ids=["together", "behind", "ahead", "signed-by-another", "no-statement"],
)
def test_this_clock_is_judged_by_what_a_key_server_signs_now(answer: Callable[[], bytes], outcome: Outcome) -> None:
    with served(answer) as port:
        found = clock_of(directory(port))
    assert clock(Facts(at=NOW, clock=found), LIMITS).outcome is outcome


def test_a_server_that_does_not_answer_says_nothing_of_the_clock() -> None:
    found = clock_of(directory(1))
    assert found is not None
    assert found.differences == {}


# --- TLS -----------------------------------------------------------------------------------------


def certificate(folder: Path, days: int) -> tuple[Path, ssl.SSLContext]:
    """Makes a certificate of 127.0.0.1 that ends in some days; returns its file and a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(today - timedelta(days=400))
        .not_valid_after(today + timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return chain, context


def judged(port: int) -> Outcome:
    front = front_of(f"https://127.0.0.1:{port}")
    return tls_front(Facts(at=int(time.time()), front=front), LIMITS).outcome


@pytest.mark.parametrize(("days", "outcome"), [(60, Outcome.OK), (3, Outcome.WRONG), (-2, Outcome.WRONG)])
def test_a_certificate_that_ends_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, outcome: Outcome
) -> None:
    chain, context = certificate(tmp_path, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with served(lambda: b"{}", context) as port:
        assert judged(port) is outcome


def test_a_certificate_of_nobody_known_and_no_tls_at_all_are_seen(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, 60)
    with served(lambda: b"{}", context) as port:
        assert judged(port) is Outcome.WRONG
    with served(lambda: b"{}") as port:
        assert judged(port) is Outcome.WRONG
    assert judged(1) is Outcome.WRONG


# --- cosignatures ----------------------------------------------------------------------------------


def test_the_instant_of_a_stamp_is_read_where_the_authority_wrote_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with StampingAuthority(tmp_path_factory.mktemp("authority")) as authority:
        before = int(time.time())
        answer = asyncio.run(Stamper(authority.url, os.urandom).stamp(b"a note"))
    found = stamped_at(answer)
    assert found is not None
    assert before - 1 <= found <= time.time() + 1
    assert stamped_at(answer.replace(b"Z", b"X")) is None
    assert stamped_at(b"") is None


def test_only_cosignatures_that_verify_are_counted() -> None:
    checkpoint = Checkpoint(origin="ks1", size=3, root=bytes(32))
    note = checkpoint.signed(sign(checkpoint, KEYS["ks1"])).signed_also(
        cosign(checkpoint, "ks2", KEYS["ks2"], now=NOW - 10), cosign(checkpoint, "hub", KEYS["ks1"], now=NOW - 10)
    )
    log, cosigners = log_key("ks1", KEYS["ks1"]), [cosigner_key(name, KEYS[name]) for name in ("ks2", "hub")]
    found = witnessed(note.encode(), log, cosigners, 2, NOW)
    assert (found.size, found.cosigned_at) == (3, {"ks2": NOW - 10})
    assert witnessed(note.encode(), log_key("ks1", KEYS["ks2"]), cosigners, 2, NOW).cosigned_at == {}
    assert witnessed(None, log, cosigners, 2, NOW).size == 0
