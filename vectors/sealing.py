"""Vectors of sealing and opening one row (docs/protocol.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paravent.crypto import sealing
from paravent.crypto.labels import Label, enc
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.sealing import PLAINTEXT_BYTES, STORED_BYTES, Handle, Row
from vectors.cases import Case, Construction, Values, flipped, seeded


def _output(values: Values) -> OprfOutput:
    return OprfOutput(bytes.fromhex(values["output"]))


def handle(values: Values) -> Values:
    """Derives the handle key and the handle."""
    key = sealing.handle_key(_output(values), values["insurer"], values["epoch"])
    found = sealing.handle_of(values["insurer"], values["epoch"], key.public)
    return {"seed": key.seed().reveal().hex(), "handle_key": key.public.hex(), "handle": found.hex()}


def seal(values: Values) -> Values:
    """Seals (E, D)."""
    row = sealing.seal_row(
        insurer=values["insurer"], epoch=values["epoch"], batch=values["batch"],
        handle=Handle(bytes.fromhex(values["handle"])), output=_output(values),
        opening=bytes.fromhex(values["opening"]), entitlement=bytes.fromhex(values["entitlement"]),
        desk_part=bytes.fromhex(values["desk_part"]), rho=bytes.fromhex(values["rho"]),
    )  # fmt: skip
    label = sealing.open_label(row.insurer, row.epoch, row.batch, row.handle)
    return {"label": label.hex(), "stored": row.stored.hex(), "digest": row.digest().hex()}


def open_(values: Values) -> Values:
    """Opens a row."""
    row = Row(
        insurer=values["insurer"], epoch=values["epoch"], batch=values["batch"],
        handle=Handle(bytes.fromhex(values["handle"])), stored=bytes.fromhex(values["stored"]),
    )  # fmt: skip
    entitlement, desk_part = sealing.open_row(row, _output(values), bytes.fromhex(values["opening"]))
    return {"entitlement": entitlement.hex(), "desk_part": desk_part.hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    rng = seeded("sealing")
    where: Values = {"insurer": "99000001", "epoch": 2}
    for epoch in (1, 2):
        given = {"output": rng(64).hex(), "insurer": "99000001", "epoch": epoch}
        yield Case(name=f"the handle in epoch {epoch}", operation="handle", input=given)
    for name, sizes in {
        "usual sizes": (200, 80), "nothing": (0, 0), "a full row": (PLAINTEXT_BYTES - 4, 0),
    }.items():  # fmt: skip
        known = where | {"batch": 7, "output": rng(64).hex(), "opening": rng(96).hex()}
        known |= {"handle": handle(known)["handle"]}
        secret = {"entitlement": rng(sizes[0]).hex(), "desk_part": rng(sizes[1]).hex(), "rho": rng(32).hex()}
        yield Case(name=f"seal {name}", operation="seal", input=known | secret)
        sealed = known | {"stored": seal(known | secret)["stored"]}
        yield Case(name=f"open {name}", operation="open", input=sealed)
        if name == "usual sizes":
            yield from _failing(known | secret, sealed)


def _failing(sealing_input: Values, sealed: Values) -> Iterator[Case]:
    stored = sealed["stored"]
    other = "00" * 32
    wrong = {
        "an altered opening value": {"opening": flipped(sealed["opening"], 40)},
        "an opening value too few": {"opening": sealed["opening"][:-64]},
        "opening values in another order": {"opening": sealed["opening"][64:] + sealed["opening"][:64]},
        "another person's output": {"output": flipped(sealed["output"], 63)},
        "another insurer": {"insurer": "99000002"},
        "another epoch": {"epoch": 3},
        "another batch": {"batch": 8},
        "another handle": {"handle": other},
        "altered rho": {"stored": flipped(stored, 0)},
        "altered commitment": {"stored": flipped(stored, 32)},
        "altered ciphertext": {"stored": flipped(stored, 64)},
        "altered tag": {"stored": flipped(stored, STORED_BYTES - 1)},
    }
    for name, change in wrong.items():
        yield Case(name=f"open with {name}", operation="open", input=sealed | change, error="proof-failure")
    for name, changed in {"a truncated row": stored[:-2], "a longer row": stored + "00"}.items():
        given = sealed | {"stored": changed}
        yield Case(name=f"open {name}", operation="open", input=given, error="malformed-message")
    bodies = {
        "padded with something else": bytes(PLAINTEXT_BYTES - 1) + b"\x01",
        "with an entitlement longer than the row": b"\xff\xff" + bytes(PLAINTEXT_BYTES - 2),
        "with a desk part longer than the row": b"\0\0\x01\x25" + bytes(PLAINTEXT_BYTES - 4),
    }
    for name, body in bodies.items():
        given = sealed | {"stored": _stored(sealing_input, body)}
        yield Case(name=f"open a row {name}", operation="open", input=given, error="malformed-message")
    long = sealing_input | {"entitlement": "00" * (PLAINTEXT_BYTES - 3), "desk_part": ""}
    yield Case(name="seal one byte too many", operation="seal", input=long, error="malformed-message")


def _stored(values: Values, body: bytes) -> str:
    """Seals, with the right keys, a body that ``seal_row`` would never write."""
    rho, opening = bytes.fromhex(values["rho"]), bytes.fromhex(values["opening"])
    handle_ = Handle(bytes.fromhex(values["handle"]))
    label = sealing.open_label(values["insurer"], values["epoch"], values["batch"], handle_)
    material = enc(Label.ROW_KEY, opening, _output(values).reveal())
    derived = HKDF(algorithm=SHA256(), length=64, salt=rho, info=label).derive(material)
    return (rho + derived[32:] + ChaCha20Poly1305(derived[:32]).encrypt(bytes(12), body, label)).hex()


CONSTRUCTION = Construction(section="5", operations={"handle": handle, "seal": seal, "open": open_}, cases=cases)
