"""RFC 3161 stamps, made by a local authority: ``openssl ts`` with throw-away keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import FEW, seeded
from tests.unit.crypto.mutation import Defect, require_noticed

from paravent.crypto import timestamp
from paravent.crypto.timestamp import Authority
from paravent.crypto.timestamp_request import StampNonce, draw_nonce, stamp_request
from paravent.drill.authority import LocalAuthority, openssl_ts
from paravent.errors import MalformedMessage, ProofFailure

NOTE = b"server-1.example/log\n7\n"
NONCE = StampNonce(2**63 - 1)
START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2120, 1, 1, tzinfo=UTC)
# The same 32 bytes under another name: SHA-512/256 is 2.16.840.1.101.3.4.2.6.
SHA256, SHA512_256 = (bytes.fromhex(f"06096086480165030402{last}") for last in ("01", "06"))


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
def test_openssl_reads_the_request(tmp_path: Path, nonce: int) -> None:
    (tmp_path / "query").write_bytes(stamp_request(NOTE, StampNonce(nonce)))
    read = openssl_ts(tmp_path, "-query", "-in", "query", "-text")
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
