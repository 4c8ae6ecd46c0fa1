"""The time-stamping authority of the drill (RFC 3161): ``openssl ts`` with throw-away keys, for loopback only.

In a folder, or as a process that answers with its keys over HTTP: ``python -m paravent.drill.authority FOLDER PORT``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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

    def __init__(self, folder: Path, *, until: datetime = END, under: Path | None = None) -> None:
        """Makes new keys; the certificate ends at ``until``. ``under`` is the folder of one with the same root."""
        folder.mkdir()
        self._folder = folder
        root_key, key = _root_key(under), ec.generate_private_key(ec.SECP256R1())
        self.root = (
            _certificate("root", root_key.public_key(), "root", root_key, END, authority=True)
            if under is None else x509.load_pem_x509_certificate((under / "root.pem").read_bytes())
        )  # fmt: skip
        self.certificate = _certificate("authority", key.public_key(), "root", root_key, until)
        for name, kept in (("root", root_key), ("key", key)):
            pem = kept.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (folder / f"{name}.key").write_bytes(pem)
        self.write_pins(folder / "signer.pem", folder / "root.pem")

    def write_pins(self, certificate: Path, root: Path) -> None:
        """Writes what a reader pins, in PEM."""
        for path, pinned in ((certificate, self.certificate), (root, self.root)):
            path.write_bytes(pinned.public_bytes(serialization.Encoding.PEM))

    @property
    def pinned(self) -> Authority:
        """What a reader holds of it."""
        return Authority(certificate=self.certificate, root=self.root)

    def answer(self, request: bytes, digests: str = "sha256") -> bytes:
        """Answers a request; an authority that takes other digests answers that it does not grant it."""
        return stamped(self._folder, request, digests)


def stamped(folder: Path, request: bytes, digests: str = "sha256") -> bytes:
    """Answers a request with the keys of a folder."""
    (folder / "serial").write_text("01")
    (folder / "settings").write_text(SETTINGS.format(folder=folder, digests=digests))
    (folder / "query").write_bytes(request)
    openssl_ts(
        folder, "-reply", "-config", "settings", "-queryfile", "query", "-signer", "signer.pem", "-inkey", "key.key",
        "-out", "reply",
    )  # fmt: skip
    return (folder / "reply").read_bytes()


def openssl_ts(folder: Path, *arguments: str) -> str:
    """Runs ``openssl ts`` in a folder and returns what it printed."""
    ran = subprocess.run([OPENSSL, "ts", *arguments], cwd=folder, capture_output=True, check=True)  # noqa: S603 - no shell
    return ran.stdout.decode()


def _root_key(under: Path | None) -> ec.EllipticCurvePrivateKey:
    """Draws the key of a root, or reads that of an authority's folder."""
    if under is None:
        return ec.generate_private_key(ec.SECP256R1())
    key = serialization.load_pem_private_key((under / "root.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the root of this folder signs otherwise")
    return key


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


def listening(folder: Path, port: int) -> ThreadingHTTPServer:
    """Listens with the keys of a folder on a loopback port, any free one for 0; the caller serves."""
    # The files of one request are overwritten by the next.
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Stamps what is asked."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with one_at_a_time:
                answer = stamped(folder, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stays silent."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def start_authority(folder: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Starts a process that answers with the keys of a folder."""
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "paravent.drill.authority", str(folder), str(port)],
            stdout=stream, stderr=stream, stdin=subprocess.DEVNULL,
        )  # fmt: skip


if __name__ == "__main__":
    listening(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
