"""RFC 3161 stamps, made by a local authority: ``openssl ts`` with throw-away keys."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import FEW, seeded
from tests.unit.crypto.mutation import Defect, require_noticed

from paravent.crypto import timestamp
from paravent.crypto.timestamp import Authority
from paravent.crypto.timestamp_request import StampNonce, draw_nonce, stamp_request
from paravent.errors import MalformedMessage, ProofFailure

NOTE = b"server-1.example/log\n7\n"
NONCE = StampNonce(2**63 - 1)
START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2120, 1, 1, tzinfo=UTC)
OPENSSL = shutil.which("openssl") or "openssl"
# The same 32 bytes under another name: SHA-512/256 is 2.16.840.1.101.3.4.2.6.
SHA256, SHA512_256 = (bytes.fromhex(f"06096086480165030402{last}") for last in ("01", "06"))

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


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> LocalAuthority:
    return LocalAuthority(tmp_path_factory.mktemp("stamps") / "authority")


@pytest.fixture(scope="module")
def answer(authority: LocalAuthority) -> bytes:
    return authority.answer(stamp_request(NOTE, NONCE))


def verified(answer: bytes, pinned: Authority, *, note: bytes = NOTE, nonce: StampNonce | None = NONCE) -> int:
    return timestamp.verify_stamp(answer, note, pinned, nonce=nonce, culprit="authority")


def refused(answer: bytes, pinned: Authority, *, note: bytes = NOTE, nonce: StampNonce | None = NONCE) -> None:
    with pytest.raises(ProofFailure) as failure:
        verified(answer, pinned, note=note, nonce=nonce)
    assert failure.value.culprit == "authority"


# --- asking ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonce", [1, 127, 128, 255, 256, 2**31, 2**62, 2**63 - 1])
def test_openssl_reads_the_request(authority: LocalAuthority, nonce: int) -> None:
    read = authority.reads(stamp_request(NOTE, StampNonce(nonce)))
    assert "Hash Algorithm: sha256" in read
    assert int(read.split("Nonce: ")[1].split()[0], 16) == nonce
    assert "Certificate required: yes" in read


@FEW
@given(st.integers(0, 2**32).map(seeded))
def test_a_nonce_is_positive_and_short(rng: Callable[[int], bytes]) -> None:
    assert 0 < draw_nonce(rng) < 2**63


# --- what holds --------------------------------------------------------------------------------------


def test_a_stamp_is_verified_and_tells_when(authority: LocalAuthority, answer: bytes) -> None:
    at = verified(answer, authority.pinned)
    assert abs(at - datetime.now(UTC).timestamp()) < 600
    # A kept stamp is read without the nonce, which only who asked knows.
    assert verified(answer, authority.pinned, nonce=None) == at


def of_the_note_and_the_request_alone(authority: LocalAuthority, answer: bytes) -> None:
    refused(answer, authority.pinned, note=NOTE + b"\n")
    refused(answer, authority.pinned, nonce=StampNonce(NONCE - 1))


def of_the_pinned_authority_alone(authority: LocalAuthority, answer: bytes, folder: Path) -> None:
    other = LocalAuthority(folder / "other")
    refused(answer, other.pinned)
    # The same names, another key under the same root; and the right certificate under another root.
    refused(answer, Authority(certificate=other.certificate, root=authority.root))
    refused(answer, Authority(certificate=authority.certificate, root=other.root))


def of_this_hash_alone(authority: LocalAuthority) -> None:
    request = stamp_request(NOTE, NONCE).replace(SHA256, SHA512_256)
    refused(authority.answer(request, digests="sha512-256"), authority.pinned)


def with_its_certificate(authority: LocalAuthority) -> None:
    request = stamp_request(NOTE, NONCE)
    bare = b"\x30" + bytes([request[1] - 3]) + request[2:].removesuffix(b"\x01\x01\xff")
    refused(authority.answer(bare), authority.pinned)


def within_the_life_of_the_certificate(folder: Path) -> None:
    ended = LocalAuthority(folder / "ended", until=START + timedelta(days=365))
    refused(ended.answer(stamp_request(NOTE, NONCE)), ended.pinned)


def when_it_was_granted(authority: LocalAuthority) -> None:
    refused(authority.answer(stamp_request(NOTE, NONCE), digests="sha512"), authority.pinned)


def test_only_a_stamp_of_this_note_by_this_authority_is_accepted(
    authority: LocalAuthority, answer: bytes, tmp_path: Path
) -> None:
    of_the_note_and_the_request_alone(authority, answer)
    of_the_pinned_authority_alone(authority, answer, tmp_path)
    of_this_hash_alone(authority)
    with_its_certificate(authority)
    within_the_life_of_the_certificate(tmp_path)
    when_it_was_granted(authority)


def test_only_one_whole_answer_is_read(authority: LocalAuthority, answer: bytes) -> None:
    assert len(answer) < timestamp.STAMP_BYTES_MAX
    for changed in (b"", answer[:-1], answer + b"\0", answer + answer, b"\0" * (timestamp.STAMP_BYTES_MAX + 1)):
        with pytest.raises(MalformedMessage):
            verified(changed, authority.pinned)


# Of a changed certificate the library says, on its way to refusing it, that later versions will not read it at all.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_changed_bit_changes_no_time(authority: LocalAuthority, answer: bytes) -> None:
    at = verified(answer, authority.pinned)
    accepted = 0
    for place in range(8 * len(answer)):
        changed = bytearray(answer)
        changed[place // 8] ^= 1 << place % 8
        try:
            assert verified(bytes(changed), authority.pinned) == at
        except (MalformedMessage, ProofFailure):
            continue
        accepted += 1
    # What is left names the algorithm a second time, outside of what is signed.
    assert accepted < 100


# --- each of these fails without its check -------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hashlib.sha256(note).digest()", "parsed.tst_info.message_imprint.message"),
        ("nonce=nonce", "nonce=None"),
    ],
    ids=["digest not compared", "nonce not compared"],
)
def test_a_stamp_of_something_else_is_noticed(
    authority: LocalAuthority, answer: bytes, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noticed(old, new, lambda: of_the_note_and_the_request_alone(authority, answer), monkeypatch)


def test_a_stamp_of_another_hash_is_noticed(authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    noticed("or named != SHA256_OID", "", lambda: of_this_hash_alone(authority), monkeypatch)


def test_a_stamp_without_its_certificate_is_noticed(authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    noticed("not carried or", "", lambda: with_its_certificate(authority), monkeypatch)


def test_a_stamp_of_another_authority_is_noticed(
    authority: LocalAuthority, answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpinned = "tsa_certificate=authority.certificate, "
    noticed(unpinned, "", lambda: of_the_pinned_authority_alone(authority, answer, tmp_path), monkeypatch)


def noticed(old: str, new: str, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails unless a property fails once a check is out of ``verify_stamp``."""
    defect = Defect(name="", owner=timestamp, attribute="verify_stamp", broken=broken, old=old, new=new)
    require_noticed(defect, monkeypatch)
