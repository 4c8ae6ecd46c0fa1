"""A local time-stamping authority: ``openssl ts`` with throw-away keys, in a folder or over HTTP on loopback."""

from __future__ import annotations

import shutil
import subprocess
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from paravent.crypto.timestamp import Authority

START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2120, 1, 1, tzinfo=UTC)
OPENSSL = shutil.which("openssl") or "openssl"

SETTINGS = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = {digests}
signer_digest = sha256
crypto_device = builtin
"""


class LocalAuthority:
    """An authority in a folder: its root, its certificate, and the answers that ``openssl ts`` makes with them."""

    def __init__(self, folder: Path, *, until: datetime = END) -> None:
        """Makes new keys; the certificate ends at ``until``."""
        folder.mkdir()
        self._folder = folder
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = _certificate("root", root_key.public_key(), "root", root_key, END, authority=True)
        self.certificate = _certificate("authority", key.public_key(), "root", root_key, until)
        for name, kept in (("root", root_key), ("key", key)):
            pem = kept.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (folder / f"{name}.key").write_bytes(pem)
        (folder / "signer.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def pinned(self) -> Authority:
        """What a reader holds of it."""
        return Authority(certificate=self.certificate, root=self.root)

    def answer(self, request: bytes, digests: str = "sha256") -> bytes:
        """Answers a request; an authority that takes other digests answers that it does not grant it."""
        folder, asked, answered = self._folder, self._folder / "query", self._folder / "reply"
        (folder / "serial").write_text("01")
        (folder / "settings").write_text(SETTINGS.format(folder=folder, digests=digests))
        asked.write_bytes(request)
        self.run("-reply", "-config", "settings", "-queryfile", "query", "-signer", "signer.pem", "-inkey", "key.key",
                 "-out", "reply")  # fmt: skip
        return answered.read_bytes()

    def run(self, *arguments: str) -> str:
        """Runs ``openssl ts`` in the folder and returns what it printed."""
        ran = subprocess.run([OPENSSL, "ts", *arguments], cwd=self._folder, capture_output=True, check=True)
        return ran.stdout.decode()

    def reads(self, request: bytes) -> str:
        """What openssl reads in a request."""
        (self._folder / "query").write_bytes(request)
        return self.run("-query", "-in", "query", "-text")


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey,
    until: datetime, *, authority: bool = False,
) -> x509.Certificate:  # fmt: skip
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer)]
    builder = x509.CertificateBuilder(named[1], named[0], key, x509.random_serial_number(), START, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if not authority:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(purposes, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


class StampingAuthority:
    """The authority behind an address on loopback."""

    def __init__(self, folder: Path) -> None:
        """Makes new keys and starts listening."""
        local = LocalAuthority(folder / "authority")
        one_at_a_time = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with one_at_a_time:
                    answer = local.answer(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Stays silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.certificate, self.root = folder / "certificate.pem", folder / "root.pem"
        self.certificate.write_bytes(local.certificate.public_bytes(serialization.Encoding.PEM))
        self.root.write_bytes(local.root.public_bytes(serialization.Encoding.PEM))

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
