"""Operations of ``replicated``, ``sealing`` and ``manifest``: what the hub keeps and key servers open."""

from __future__ import annotations

import base64
import json
from itertools import combinations

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from tests.vectors.reference.curve import ed25519_public
from tests.vectors.reference.hashing import (
    PROOF,
    VALUE_ERROR,
    Values,
    aead_open,
    enc,
    hkdf,
    mac,
    require,
    sha256,
    unhex,
)

_ROW_BYTES = 376
_PADDED_BYTES = 296

# --- replicated ------------------------------------------------------------------------------------


def _sets(values: Values) -> list[tuple[int, ...]]:
    threshold, servers = values["threshold"], values["servers"]
    require(2 <= threshold <= servers <= 7)
    return sorted(combinations(range(1, servers + 1), threshold - 1))


def server_sets(values: Values) -> Values:
    """Lists every set of t-1 servers; a server holds the keys of those that it is not in."""
    sets = [list(members) for members in _sets(values)]
    held = {
        str(index): [members for members in sets if index not in members] for index in range(1, values["servers"] + 1)
    }
    return {"sets": sets, "held": held}


def key_digest(values: Values) -> Values:
    """Commits to an opening key."""
    key = unhex(values["key"])
    require(len(key) == 32, VALUE_ERROR)
    where = values["insurer"], values["epoch"], values["batch"]
    return {"digest": sha256(enc("opening-key", *where, bytes(values["set"]), key)).hex()}


def opening_value(values: Values) -> Values:
    """Computes the value of one set."""
    return {"value": mac(unhex(values["key"]), unhex(values["label"])).hex()}


def assemble(values: Values) -> Values:
    """Concatenates values in the order of the sets."""
    given = {tuple(entry["set"]): entry["value"] for entry in values["values"]}
    sets = _sets(values)
    require(set(sets) <= given.keys())
    return {"opening": "".join(given[members] for members in sets)}


# --- sealing ---------------------------------------------------------------------------------------


def handle(values: Values) -> Values:
    """Derives the handle of an output."""
    where = values["insurer"], values["epoch"]
    seed = hkdf(unhex(values["output"]), b"", enc("handle-key", *where), 32)
    public = ed25519_public(seed)
    found = sha256(enc("handle", *where, public))
    return {"seed": seed.hex(), "handle_key": public.hex(), "handle": found.hex()}


def _label(values: Values) -> bytes:
    return enc("open", values["insurer"], values["epoch"], values["batch"], unhex(values["handle"]))


def _row_key(values: Values, rho: bytes) -> tuple[bytes, bytes]:
    material = enc("row-key", unhex(values["opening"]), unhex(values["output"]))
    derived = hkdf(material, rho, _label(values), 64)
    return derived[:32], derived[32:]


def seal(values: Values) -> Values:
    """Seals a row."""
    rho = unhex(values["rho"])
    body = b"".join(len(unhex(part)).to_bytes(2, "big") + unhex(part) for part in _parts(values))
    require(len(body) <= _PADDED_BYTES)
    key, commitment = _row_key(values, rho)
    padded = body + bytes(_PADDED_BYTES - len(body))
    stored = rho + commitment + ChaCha20Poly1305(key).encrypt(bytes(12), padded, _label(values))
    digest = sha256(enc("row", values["insurer"], values["epoch"], values["batch"], unhex(values["handle"]), stored))
    return {"label": _label(values).hex(), "stored": stored.hex(), "digest": digest.hex()}


def _parts(values: Values) -> tuple[str, str]:
    return values["entitlement"], values["desk_part"]


def open_row(values: Values) -> Values:
    """Opens a row: the key commitment first, then the encryption, then the padding."""
    stored = unhex(values["stored"])
    require(len(stored) == _ROW_BYTES)
    key, commitment = _row_key(values, stored[:32])
    require(commitment == stored[32:64], PROOF)
    body = aead_open(key, bytes(12), stored[64:], _label(values))
    parts = []
    for name in ("entitlement", "desk_part"):
        end = 2 + int.from_bytes(body[:2], "big")
        require(end <= len(body))
        parts.append((name, body[2:end].hex()))
        body = body[end:]
    require(not any(body))
    return dict(parts)


# --- manifest (RFC 9162 section 2.1, by its recursive definition) -----------------------------------


def _split(size: int) -> int:
    """Returns the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    split = _split(len(leaves))
    return sha256(b"\x01", _root(leaves[:split]), _root(leaves[split:]))


def _path(index: int, start: int, size: int) -> list[list[int]]:
    """Lists the siblings of a leaf from the bottom, in the subtree of ``size`` leaves from ``start``."""
    if size == 1:
        return []
    split = _split(size)
    level = split.bit_length() - 1
    if index < split:
        return [*_path(index, start, split), [level, (start + split) // split]]
    return [*_path(index - split, start + split, size - split), [level, start // split]]


def _walk(index: int, size: int, node: bytes, path: list[bytes]) -> bytes:
    """Recomputes a root from a leaf; the last node of a path is the sibling under the root."""
    require((size == 1) == (not path), PROOF)
    if size == 1:
        return node
    split, sibling = _split(size), path[-1]
    if index < split:
        return sha256(b"\x01", _walk(index, split, node, path[:-1]), sibling)
    return sha256(b"\x01", sibling, _walk(index - split, size - split, node, path[:-1]))


def _leaf(values: Values) -> bytes:
    return sha256(b"\0", enc("manifest-leaf", unhex(values["handle"]), unhex(values["row_digest"])))


def leaf(values: Values) -> Values:
    """Hashes a leaf."""
    return {"leaf": _leaf(values).hex()}


def tree(values: Values) -> Values:
    """Builds a tree: node i of level j is the root of leaves i*2^j to (i+1)*2^j."""
    leaves = [unhex(entry) for entry in values["leaves"]]
    levels: list[str] = []
    width = 1
    while not levels or width < 2 * len(leaves):
        levels.append(b"".join(_root(leaves[at : at + width]) for at in range(0, len(leaves), width)).hex())
        width *= 2
    return {"levels": levels, "root": _root(leaves).hex()}


def path_positions(values: Values) -> Values:
    """Lists the places of a path; that of the first leaf is the longest."""
    count = values["count"]
    return {"positions": _path(values["index"], 0, count), "longest": len(_path(0, 0, count))}


def _require_inclusion(entry: Values, values: Values) -> None:
    require(0 <= entry["index"] < values["count"], PROOF)
    path = [unhex(node) for node in entry["path"]]
    require(all(len(node) == 32 for node in path), PROOF)
    require(_walk(entry["index"], values["count"], _leaf(entry), path).hex() == values["root"], PROOF)


def verify_inclusion(values: Values) -> Values:
    """Checks presence."""
    _require_inclusion(values["leaf"], values)
    return {}


def verify_absence(values: Values) -> Values:
    """Checks absence: the handle falls between two leaves that follow each other, or beyond an end."""
    shown = [(entry["index"], entry["handle"]) for entry in values["neighbours"]]
    for entry in values["neighbours"]:
        _require_inclusion(entry, values)
    places = [index for index, _ in shown]
    handles = [found for _, found in shown]
    last, wanted = values["count"] - 1, values["handle"]
    match len(shown):
        case 0:
            held = last == -1 and values["root"] == sha256(b"").hex()
        case 1:
            held = (places == [0] and wanted < handles[0]) or (places == [last] and wanted > handles[0])
        case 2:
            held = places[0] + 1 == places[1] and handles[0] < wanted < handles[1]
        case _:
            held = False
    require(held, PROOF)
    return {}


def answer(values: Values) -> Values:
    """Writes an answer: members in this order, no space, bytes in base64, padded with zeros."""
    head = values["head"]
    body = {
        "head": {"payload": _text(head["payload"]), "signer": head["signer"], "signature": _text(head["signature"])},
        "row": values["row"] and {"batch": values["row"]["batch"], "stored": _text(values["row"]["stored"])},
        "leaves": [
            {
                "index": entry["index"], "handle": _text(entry["handle"]), "row_digest": _text(entry["row_digest"]),
                "path": [_text(node) for node in entry["path"]],
            }
            for entry in values["leaves"]
        ],
        "padding": "",
    }  # fmt: skip
    size = values["room"] + 2 * 47 * len(_path(0, 0, values["count"]))
    body["padding"] = "0" * (size - len(_json(body)))
    return {"body": _json(body), "bytes": size}


def _text(digits: str) -> str:
    return base64.b64encode(unhex(digits)).decode()


def _json(body: Values) -> str:
    return json.dumps(body, separators=(",", ":"))
