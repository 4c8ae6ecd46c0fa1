"""Vectors of opening HPKE boxes (docs/protocol.md section 1; RFC 9180 base mode, MLKEM768-X25519).

Sealing draws its own randomness, so the one box stands in ``box.hex``, made once with the inputs below
(``python -m vectors.boxes`` makes another); everything else here is computed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.wire.number_lane import box_context
from vectors.cases import VALUE_ERROR, Case, Construction, Values, field, flipped, seeded

BOX = Path(__file__).parent / "box.hex"
PROOF = "proof-failure"
_PLACES = {
    "in its ML-KEM part": 0, "in its X25519 part": 1088, "in its ciphertext": 1120, "in its tag": -1,
}  # fmt: skip


def public_key(values: Values) -> Values:
    """Expands a private box key (ML-KEM seed, then X25519 key) to the public one."""
    return {"public_key": BoxKey(bytes.fromhex(values["private_key"])).public.hex()}


def open_(values: Values) -> Values:
    """Opens a box with the label and context it was sealed with."""
    key, context = BoxKey(bytes.fromhex(values["private_key"])), map(field, values["context"])
    label = Label(values["label"].encode())
    return {"plaintext": key.open(bytes.fromhex(values["box"]), label, *context, culprit="sender").hex()}


def cases() -> Iterator[Case]:
    """Lists the cases."""
    given, box = _sealing(), BOX.read_text(encoding="ascii").replace("\n", "")
    private = {"private_key": given["private_key"]}
    yield Case(name="a public key", operation="public-key", input=private)
    short = {"private_key": given["private_key"][:-2]}
    yield Case(name="a private key of 95 bytes", operation="public-key", input=short, error=VALUE_ERROR)
    right = {name: given[name] for name in ("private_key", "label", "context")} | {"box": box}
    yield Case(name="a box", operation="open", input=right)
    changes: dict[str, Values] = {
        f"altered {name}": {"box": flipped(box, place)} for name, place in _PLACES.items()
    }  # fmt: skip
    changes |= {
        "truncated": {"box": box[:-2]}, "shorter than an encapsulation": {"box": box[:2238]}, "empty": {"box": ""},
        "opened with another key": {"private_key": given["other_key"]},
        "opened with another label": {"label": Label.DEAL_BOX.value.decode()},
        "opened with another context": {"context": [*given["context"][:-1], {"text": "another nonce"}]},
        "opened with a context less": {"context": given["context"][:-1]},
    }  # fmt: skip
    for name, change in changes.items():
        yield Case(name=f"a box {name}", operation="open", input=right | change, error=PROOF)


def _sealing() -> Values:
    rng = seeded("boxes")
    server, insurer, epoch, nonce = box_context("ks1", "99000001", 3, "bm9uY2Ut")
    return {
        "private_key": rng(96).hex(), "other_key": rng(96).hex(), "label": Label.OPENING_BOX.value.decode(),
        "context": [{"text": server}, {"text": insurer}, {"integer": str(epoch)}, {"text": nonce}],
        "plaintext": rng(40).hex(),
    }  # fmt: skip


def _seal() -> str:
    given = _sealing()
    public, context = BoxKey(bytes.fromhex(given["private_key"])).public, map(field, given["context"])
    box = hpke.seal(public, bytes.fromhex(given["plaintext"]), Label(given["label"].encode()), *context).hex()
    return "".join(box[start : start + 96] + "\n" for start in range(0, len(box), 96))


CONSTRUCTION = Construction(section="1", operations={"public-key": public_key, "open": open_}, cases=cases)

if __name__ == "__main__":
    sys.stdout.write(_seal())
