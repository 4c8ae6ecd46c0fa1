"""Vectors of the text of a card's QR code (docs/protocol.md section 8; RFC 9285)."""

from __future__ import annotations

from collections.abc import Iterator

from paravent.wire import card
from vectors.cases import Case, Construction, Values, seeded

WRONG = "unreadable-card"


def encode(values: Values) -> Values:
    """Encodes bytes to base45."""
    return {"text": card.base45_encode(bytes.fromhex(values["bytes"]))}


def decode(values: Values) -> Values:
    """Decodes base45."""
    return {"bytes": card.base45_decode(values["text"]).hex()}


def write(values: Values) -> Values:
    """Writes E and D as the text of a QR code."""
    return {"text": card.card_text(bytes.fromhex(values["entitlement"]), bytes.fromhex(values["desk_part"]))}


def read(values: Values) -> Values:
    """Reads E and D."""
    entitlement, desk_part = card.read_card(values["text"])
    return {"entitlement": entitlement.hex(), "desk_part": desk_part.hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    # The first four texts are the examples of RFC 9285 section 4.
    for text in ("AB", "Hello!!", "base-45", "ietf!", "", "\0", "\0\0", "\xff", "\xff\xff"):
        data = text.encode("latin-1").hex()
        yield Case(name=f"encode {text!r}", operation="base45-encode", input={"bytes": data})
        yield Case(name=f"decode {text!r}", operation="base45-decode", input=encode({"bytes": data}))
    wrong = {
        "one character": "B", "four characters": "BB8B", "a small letter": "bb8", "a character not of base45": "BB_",
        "two characters above 255": "V5", "three characters above 65,535": "GGW", "a no-break space": "BB\u00a0",
    }  # fmt: skip
    for name, text in wrong.items():
        yield Case(name=f"decode {name}", operation="base45-decode", input={"text": text}, error=WRONG)
    yield from _cards()


def _cards() -> Iterator[Case]:
    rng = seeded("card")
    for sizes in ((190, 55), (206, 86), (1, 1)):
        given = {"entitlement": rng(sizes[0]).hex(), "desk_part": rng(sizes[1]).hex()}
        name = "{} and {} bytes".format(*sizes)
        yield Case(name=f"write {name}", operation="write", input=given)
        yield Case(name=f"read {name}", operation="read", input=write(given))
    right = write({"entitlement": rng(190).hex(), "desk_part": rng(55).hex()})["text"]
    yield Case(name="read with the end of line of a scanner", operation="read", input={"text": right + "\r\n"})
    bodies = {
        "no desk part": bytes([190]) + rng(190), "an entitlement cut short": bytes([190]) + rng(189),
        "no entitlement": b"\0" + rng(55), "an entitlement of 207 bytes": bytes([207]) + rng(207 + 55),
        "a desk part of 87 bytes": bytes([190]) + rng(190 + 87), "nothing": b"",
    }  # fmt: skip
    texts = {name: card.PREFIX + card.base45_encode(body) for name, body in bodies.items()}
    texts |= {
        "one character less": right[:-1], "a wrong character": right[:-1] + "_", "another prefix": "HC1:" + right[4:],
        "a small prefix": "pv1:" + right[4:], "a space before": " " + right, "one character more": right + " ",
        "601 characters": right.ljust(601, "0"),
    }  # fmt: skip
    for name, text in texts.items():
        yield Case(name=f"read {name}", operation="read", input={"text": text}, error=WRONG)


CONSTRUCTION = Construction(
    section="8",
    operations={"base45-encode": encode, "base45-decode": decode, "write": write, "read": read},
    cases=cases,
)
