"""Signed notes, checkpoints and cosignatures: the exact text of the C2SP documents, and nothing beside it.

Published examples: the note of the documentation of golang.org/x/mod/sumdb/note (BSD-3-Clause), whose key is in it;
the cosigned checkpoint of C2SP tlog-cosignature.md (CC BY 4.0), whose keys were not published.
"""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import DIGESTS, FEW, KEYS, flipped, seeded
from tests.unit.crypto.mutation import Defect, require_noticed

from paravent.crypto import checkpoint, note
from paravent.crypto.checkpoint import Checkpoint
from paravent.crypto.merkle import EMPTY_ROOT
from paravent.crypto.note import Note, NoteKey, NoteSignature, SignatureKind
from paravent.crypto.signing import Seed, SigningKey, VerifyKey, verify_bytes
from paravent.errors import MalformedMessage, ProofFailure, StaleData

NOW = 1_700_000_000
HOUR = 3_600
LOG, PEER, OTHER = (SigningKey.generate(seeded(seed)) for seed in range(3))
ORIGIN, PEER_NAME = "server-1.example/log", "server-2.example"
LOG_KEY, PEER_KEY = checkpoint.log_key(ORIGIN, LOG), checkpoint.cosigner_key(PEER_NAME, PEER)
HEAD = Checkpoint(origin=ORIGIN, size=7, root=bytes(range(32)))
SIGNED = HEAD.signed(checkpoint.sign(HEAD, LOG))
COSIGNED = SIGNED.signed_also(checkpoint.cosign(HEAD, PEER_NAME, PEER, now=NOW))

LINES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = LINES.filter(note.name_is_valid)
TEXTS = st.lists(LINES | st.just(""), min_size=1, max_size=5).map(lambda lines: "\n".join(lines) + "\n")
SIGNATURES = st.builds(
    NoteSignature, name=NAMES, key_id=st.binary(min_size=4, max_size=4), signature=st.binary(min_size=1, max_size=80)
)
NOTES = st.builds(
    lambda text, lines: Note(text=text, signatures=tuple(lines)),
    TEXTS,
    st.lists(SIGNATURES, min_size=1, max_size=16, unique_by=lambda line: (line.name, line.key_id)),
)
HEADS = st.builds(Checkpoint, origin=LINES, size=st.integers(1, 2**63 - 1), root=DIGESTS) | st.builds(
    Checkpoint, origin=LINES, size=st.just(0), root=st.just(EMPTY_ROOT)
)


def opened(encoded: bytes, key: NoteKey = LOG_KEY) -> Checkpoint:
    return checkpoint.open_checkpoint(encoded, key, culprit="server-1")[0]


def cosigned_at(found: Note, key: NoteKey = PEER_KEY, now: int = NOW) -> int:
    return checkpoint.verify_cosignature(found, key, now=now, age_seconds_max=HOUR, culprit="server-2")


# --- published examples ------------------------------------------------------------------------------

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_NOTE = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
""".encode()
C2SP_NOTE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()  # noqa: E501 - a signature line is not folded


def test_the_published_note_is_verified_and_made_again() -> None:
    found, key = note.parse_note(GO_NOTE), NoteKey.parse(GO_KEY)
    signature = found.signature_of(key)
    assert signature is not None
    verify_bytes(key.public, signature, found.text.encode(), culprit="nobody")
    signer = SigningKey(Seed(GO_SEED))
    assert (signer.public, key.encode()) == (key.public, GO_KEY)
    assert signer.sign_bytes(found.text.encode()) == signature
    assert found.encode() == GO_NOTE


def test_the_published_checkpoint_is_read() -> None:
    found = note.parse_note(C2SP_NOTE)
    head = checkpoint.parse_checkpoint(found.text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert [len(line.signature) for line in found.signatures] == [64, 72]
    assert int.from_bytes(found.signatures[1].signature[:8], "big") == 1679315147
    assert found.encode() == C2SP_NOTE


def test_signatures_are_those_of_the_text_by_another_implementation() -> None:
    lines = [line.signature for line in COSIGNED.signatures]
    text = f"{ORIGIN}\n7\n{base64.b64encode(bytes(range(32))).decode()}\n".encode()
    Ed25519PublicKey.from_public_bytes(LOG.public).verify(lines[0], text)
    stamped = b"cosignature/v1\ntime 1700000000\n" + text
    made = Ed25519PrivateKey.from_private_bytes(PEER.seed().reveal()).sign(stamped)
    assert lines[1] == NOW.to_bytes(8, "big") + made
    hashed = hashlib.sha256(PEER_NAME.encode() + b"\n\x04" + PEER.public).digest()
    assert COSIGNED.signatures[1].key_id == PEER_KEY.key_id == hashed[:4]
    assert LOG_KEY.key_id == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + LOG.public).digest()[:4]


# --- round trips -------------------------------------------------------------------------------------


@FEW
@given(NOTES)
def test_what_a_note_writes_it_reads(made: Note) -> None:
    assert note.parse_note(made.encode()) == made


@FEW
@given(st.builds(NoteKey, name=NAMES, kind=st.sampled_from(SignatureKind), public=DIGESTS.map(VerifyKey)))
def test_what_a_verifier_key_writes_it_reads(key: NoteKey) -> None:
    assert NoteKey.parse(key.encode()) == key


@FEW
@given(HEADS)
def test_what_a_checkpoint_writes_it_reads(head: Checkpoint) -> None:
    assert checkpoint.parse_checkpoint(head.text) == head


@FEW
@given(st.binary(max_size=60) | TEXTS.map(str.encode) | NOTES.map(Note.encode), st.integers(0, 2**16))
def accepted_bytes_are_written_again(drawn: bytes, place: int) -> None:
    for encoded in (drawn, drawn + b"\n", flipped(drawn or b"\0", place)):
        try:
            found = note.parse_note(encoded)
        except MalformedMessage:
            continue
        assert found.encode() == encoded


@FEW
@given(KEYS, KEYS, HEADS.filter(lambda head: note.name_is_valid(head.origin)), st.integers(1, 2**40))
def test_what_was_signed_and_cosigned_is_verified(log: SigningKey, peer: SigningKey, head: Checkpoint, at: int) -> None:
    lines = checkpoint.sign(head, log), checkpoint.cosign(head, PEER_NAME, peer, now=at)
    found, made = checkpoint.open_checkpoint(
        head.signed(*lines).encode(), checkpoint.log_key(head.origin, log), culprit="server-1"
    )
    assert found == head
    assert cosigned_at(made, checkpoint.cosigner_key(PEER_NAME, peer), now=at) == at


# --- what is refused ---------------------------------------------------------------------------------

LINE = COSIGNED.signatures[0].encode()
ROOT = base64.b64encode(HEAD.root).decode()
HEX_KEY = GO_KEY.split("+")[1]


def only_one_form_of_a_note_is_read() -> None:
    body = f"{HEAD.text}\n{LINE}"
    other = body.replace("=\n\n", "=\n\n\n").encode()
    assert note.parse_note(other).text == HEAD.text + "\n"
    for changed in (
        "",
        "\n",
        HEAD.text,
        body[:-1],
        body + "\n",
        body + " ",
        body.replace("\n\n", "\n"),
        body.replace("\n", "\r\n"),
        body.replace("server", "ser\tver", 1),
        body.replace("\n7\n", "\r\n7\n"),
        body.replace("\N{EM DASH} ", "-- "),
        body.replace("\N{EM DASH} ", "\N{EM DASH}  "),
        body.replace(f"{ORIGIN} ", f"{ORIGIN}  "),
        body.replace(f"\N{EM DASH} {ORIGIN}", "\N{EM DASH} "),
        body.replace(f"\N{EM DASH} {ORIGIN}", "\N{EM DASH} a+b"),
        body.replace(f"\N{EM DASH} {ORIGIN}", "\N{EM DASH} a\N{NO-BREAK SPACE}b"),
        body + LINE,
        body[:-2] + "\n",
        body[:-2] + "==\n",
        f"{HEAD.text}\n\N{EM DASH} {ORIGIN} AAAAAA==\n",
        f"{HEAD.text}\n\N{EM DASH} {ORIGIN} AAAAAAB=\n",
        f"{HEAD.text}\n\N{EM DASH} {ORIGIN} \N{FULLWIDTH DIGIT ONE}AAAAAA=\n",
    ):
        with pytest.raises(MalformedMessage):
            note.parse_note(changed.encode())
    with pytest.raises(MalformedMessage):
        note.parse_note(body.encode()[:-1] + b"\xff\n")


def a_note_has_limits() -> None:
    lines = [NoteSignature(name=f"peer-{place}", key_id=bytes(4), signature=b"s").encode() for place in range(17)]
    text = f"{HEAD.text}\n"
    assert len(note.parse_note((text + "".join(lines[:16])).encode()).signatures) == 16
    with pytest.raises(MalformedMessage):
        note.parse_note((text + "".join(lines)).encode())
    room = note.NOTE_BYTES_MAX - len(f"\n\n{lines[0]}".encode())
    note.parse_note(("x" * room + f"\n\n{lines[0]}").encode())
    with pytest.raises(MalformedMessage):
        note.parse_note(("x" * (room + 1) + f"\n\n{lines[0]}").encode())


def only_one_form_of_a_checkpoint_is_read() -> None:
    empty = base64.b64encode(EMPTY_ROOT).decode()
    assert checkpoint.parse_checkpoint(f"o\n0\n{empty}\n").size == 0
    assert checkpoint.parse_checkpoint(f"o\n{2**63 - 1}\n{ROOT}\n").size == 2**63 - 1
    for changed in (
        f"{ORIGIN}\n7\n{ROOT}",
        f"{ORIGIN}\n7\n{ROOT}\n\n",
        f"{ORIGIN}\n7\n{ROOT}\nextension\n",
        f"\n7\n{ROOT}\n",
        f"{'o' * 256}\n7\n{ROOT}\n",
        f"{ORIGIN}\n7\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n7\n{ROOT[:-2]}9=\n",
        f"{ORIGIN}\n7\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n0\n{ROOT}\n",
        *(
            f"{ORIGIN}\n{size}\n{ROOT}\n"
            for size in ("", "07", "00", "+7", "-7", " 7", "7 ", "7_0", "0x7", "\N{ARABIC-INDIC DIGIT SEVEN}")
        ),
        *(f"{ORIGIN}\n{size}\n{ROOT}\n" for size in (2**63, 10**19, 2**64 + 7)),
    ):
        with pytest.raises(MalformedMessage):
            checkpoint.parse_checkpoint(changed)


def only_one_form_of_a_verifier_key_is_read() -> None:
    wrong_kind = base64.b64encode(b"\x02" + bytes(32)).decode()
    short = base64.b64encode(b"\x01" + bytes(31)).decode()
    for changed in (
        "",
        GO_KEY[:-1],
        GO_KEY + "\n",
        GO_KEY.replace(HEX_KEY, HEX_KEY.upper()),
        GO_KEY.replace(HEX_KEY, "c74f20a4"),
        GO_KEY.replace("Peter", "Pet er"),
        GO_KEY.replace("PeterNeumann", ""),
        f"a+00000000+{wrong_kind}",
        f"a+00000000+{short}",
    ):
        with pytest.raises(MalformedMessage):
            NoteKey.parse(changed)


def a_checkpoint_is_signed_by_its_log() -> None:
    assert opened(SIGNED.encode()) == opened(COSIGNED.encode()) == HEAD
    # A line of the same name under an unknown key changes nothing, and stands for nothing.
    stranger = checkpoint.sign(HEAD, OTHER)
    for lines in ((stranger, *SIGNED.signatures), (*SIGNED.signatures, stranger)):
        assert opened(HEAD.signed(*lines).encode()) == HEAD
    forged = NoteSignature(name=ORIGIN, key_id=LOG_KEY.key_id, signature=stranger.signature)
    longer = Checkpoint(origin=ORIGIN, size=8, root=HEAD.root)
    elsewhere = Checkpoint(origin="server-3.example/log", size=7, root=HEAD.root)
    lent = NoteSignature(name=ORIGIN, key_id=LOG_KEY.key_id, signature=checkpoint.sign(elsewhere, LOG).signature)
    for made in (HEAD.signed(stranger), HEAD.signed(forged), longer.signed(*SIGNED.signatures), elsewhere.signed(lent)):
        with pytest.raises(ProofFailure) as failure:
            opened(made.encode())
        assert failure.value.culprit == "server-1"


def a_cosignature_is_of_this_checkpoint_by_this_peer() -> None:
    assert cosigned_at(COSIGNED) == NOW
    line = COSIGNED.signatures[1]
    longer = Checkpoint(origin=ORIGIN, size=8, root=HEAD.root)
    for place in range(len(line.signature)):
        changed = NoteSignature(name=line.name, key_id=line.key_id, signature=flipped(line.signature, place))
        with pytest.raises(ProofFailure):
            cosigned_at(HEAD.signed(changed))
    bare = NoteSignature(name=PEER_NAME, key_id=PEER_KEY.key_id, signature=PEER.sign_bytes(HEAD.text.encode()))
    for made in (
        SIGNED,
        longer.signed(line),
        HEAD.signed(bare),
        HEAD.signed(checkpoint.cosign(HEAD, PEER_NAME, OTHER, now=NOW)),
    ):
        with pytest.raises(ProofFailure) as failure:
            cosigned_at(made)
        assert failure.value.culprit == "server-2"


def a_cosignature_has_an_age() -> None:
    for now in (NOW - checkpoint.AHEAD_SECONDS_MAX, NOW, NOW + HOUR):
        assert cosigned_at(COSIGNED, now=now) == NOW
    with pytest.raises(ProofFailure):
        cosigned_at(COSIGNED, now=NOW - checkpoint.AHEAD_SECONDS_MAX - 1)
    with pytest.raises(StaleData):
        cosigned_at(COSIGNED, now=NOW + HOUR + 1)


def keys_of_one_kind_sign_nothing_of_the_other() -> None:
    with pytest.raises(ValueError, match="opens no checkpoint"):
        opened(SIGNED.encode(), checkpoint.cosigner_key(ORIGIN, LOG))
    with pytest.raises(ValueError, match="makes no cosignature"):
        cosigned_at(COSIGNED, LOG_KEY)


def test_a_later_cosignature_takes_the_place_of_an_earlier_one() -> None:
    again = COSIGNED.signed_also(checkpoint.cosign(HEAD, PEER_NAME, PEER, now=NOW + 9))
    assert len(again.signatures) == len(COSIGNED.signatures)
    assert cosigned_at(again) == NOW + 9


def test_values_check_themselves() -> None:
    for now in (0, -1, 2**63):
        with pytest.raises(ValueError, match="time"):
            checkpoint.cosign(HEAD, PEER_NAME, PEER, now=now)
    for text, lines in (("no newline", SIGNED.signatures), ("tab\t\n", SIGNED.signatures), (HEAD.text, ())):
        with pytest.raises(ValueError, match="note"):
            Note(text=text, signatures=lines)
    with pytest.raises(ValueError, match="note"):
        HEAD.signed(*SIGNED.signatures, *SIGNED.signatures)
    for name, key_id, signature in (("a b", bytes(4), b"s"), ("a", bytes(3), b"s"), ("a", bytes(4), b"")):
        with pytest.raises(ValueError, match="signature line"):
            NoteSignature(name=name, key_id=key_id, signature=signature)
    for name in ("", "a b", "a+b", "a\nb", "\ud800", "a\N{LINE SEPARATOR}b", "é" * 128):
        assert not note.name_is_valid(name)
    assert note.name_is_valid("é" * 127)
    with pytest.raises(ValueError, match="origin"):
        Checkpoint(origin="two\nlines", size=7, root=HEAD.root)


# --- each of these fails without its check -----------------------------------------------------------

PROPERTIES = [
    accepted_bytes_are_written_again,
    only_one_form_of_a_note_is_read,
    a_note_has_limits,
    only_one_form_of_a_checkpoint_is_read,
    only_one_form_of_a_verifier_key_is_read,
    a_checkpoint_is_signed_by_its_log,
    a_cosignature_is_of_this_checkpoint_by_this_peer,
    a_cosignature_has_an_age,
    keys_of_one_kind_sign_nothing_of_the_other,
]

DEFECTS = [
    Defect(
        name="base64 in any form", owner=note, attribute="decode_base64",
        old="base64.b64encode(body).decode() != text", new="False", broken=only_one_form_of_a_note_is_read,
    ),
    Defect(
        name="control characters", owner=Note, attribute="__post_init__",
        old='any(each < " " and each != "\\n" for each in self.text)', new="False",
        broken=only_one_form_of_a_note_is_read,
    ),
    Defect(
        name="two signatures of one key", owner=Note, attribute="__post_init__",
        old="== len(keys)", new="", broken=only_one_form_of_a_note_is_read,
    ),
    Defect(
        name="any number of signatures", owner=Note, attribute="__post_init__",
        old="<= SIGNATURES_MAX", new="", broken=a_note_has_limits,
    ),
    Defect(
        name="a note of any size", owner=note, attribute="parse_note",
        old="len(encoded) > NOTE_BYTES_MAX", new="False", broken=a_note_has_limits,
    ),
    Defect(
        name="any identifier of a key", owner=NoteKey, attribute="parse",
        old="key.encode() != text", new="False", broken=only_one_form_of_a_verifier_key_is_read,
    ),
    Defect(
        name="any name", owner=note, attribute="name_is_valid", replacement=lambda _: True,
        broken=only_one_form_of_a_note_is_read,
    ),
    Defect(
        name="extension lines", owner=checkpoint, attribute="parse_checkpoint",
        old="len(lines) != 4 or lines[3]", new="len(lines) < 4", broken=only_one_form_of_a_checkpoint_is_read,
    ),
    Defect(
        name="sizes in any form", owner=checkpoint, attribute="parse_checkpoint",
        old="not _SIZE.fullmatch(lines[1])", new="False", broken=only_one_form_of_a_checkpoint_is_read,
    ),
    Defect(
        name="any root of an empty log", owner=Checkpoint, attribute="__post_init__",
        old="self.size == 0 and", new="False and", broken=only_one_form_of_a_checkpoint_is_read,
    ),
    Defect(
        name="a checkpoint of another log", owner=checkpoint, attribute="open_checkpoint",
        old="checkpoint.origin != key.name", new="False", broken=a_checkpoint_is_signed_by_its_log,
    ),
    Defect(
        name="the log's signature not verified", owner=checkpoint, attribute="verify_bytes",
        replacement=lambda *_, **__: None, broken=a_checkpoint_is_signed_by_its_log,
    ),
    Defect(
        name="a line of a name stands for its key", owner=Note, attribute="signature_of",
        old="(each.name, each.key_id) == (key.name, key.key_id)", new="each.name == key.name",
        broken=a_checkpoint_is_signed_by_its_log,
    ),
    Defect(
        name="the time is not signed", owner=checkpoint, attribute="_cosigned",
        replacement=lambda head, _: head.text.encode(), broken=a_cosignature_is_of_this_checkpoint_by_this_peer,
    ),
    Defect(
        name="a time to come", owner=checkpoint, attribute="verify_cosignature",
        old="0 < at <= now + AHEAD_SECONDS_MAX", new="0 < at", broken=a_cosignature_has_an_age,
    ),
    Defect(
        name="a cosignature of any age", owner=checkpoint, attribute="verify_cosignature",
        old="at < now - age_seconds_max", new="False", broken=a_cosignature_has_an_age,
    ),
    Defect(
        name="one kind of key for another", owner=checkpoint, attribute="verify_cosignature",
        old="key.kind is not SignatureKind.COSIGNATURE", new="False",
        broken=keys_of_one_kind_sign_nothing_of_the_other,
    ),
]  # fmt: skip


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_it_holds(holds: object) -> None:
    holds()  # type: ignore[operator]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_noticed(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    require_noticed(defect, monkeypatch)
