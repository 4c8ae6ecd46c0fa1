"""Writes the vectors of every construction to ``vectors/paravent/``, or checks that they are the same.

``python -m vectors.generate`` writes; ``--check`` changes nothing and exits 1, naming each file that differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from vectors import (
    boxes,
    card,
    enc,
    entitlement,
    identity,
    manifest,
    number_lane,
    oprf,
    prescription,
    replicated,
    sealing,
    sharing,
    signing,
    status,
)
from vectors.cases import Construction

FOLDER = Path(__file__).parent / "paravent"
CONSTRUCTIONS: dict[str, Construction] = {
    "boxes": boxes.CONSTRUCTION,
    "card": card.CONSTRUCTION,
    "enc": enc.CONSTRUCTION,
    "entitlement": entitlement.CONSTRUCTION,
    "identity": identity.CONSTRUCTION,
    "manifest": manifest.CONSTRUCTION,
    "number-lane": number_lane.CONSTRUCTION,
    "oprf": oprf.CONSTRUCTION,
    "prescription": prescription.CONSTRUCTION,
    "replicated": replicated.CONSTRUCTION,
    "sealing": sealing.CONSTRUCTION,
    "sharing": sharing.CONSTRUCTION,
    "signing": signing.CONSTRUCTION,
    "status": status.CONSTRUCTION,
}


def generate() -> dict[str, bytes]:
    """Runs every case of every construction; returns files by name."""
    return {f"{name}.json": encode(construction.document()) for name, construction in CONSTRUCTIONS.items()}


def encode(document: object) -> bytes:
    """Writes a document as JSON in one form: ASCII, sorted keys, two spaces, a newline at the end."""
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode("ascii")


def differing(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Lists the files of a folder that are altered, missing or unknown."""
    stored = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    return sorted(name for name in stored.keys() | files.keys() if stored.get(name) != files.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m vectors.generate", description="Writes the vectors.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file differs")
    wanted, files = parser.parse_args(arguments), generate()
    found = differing(FOLDER, files)
    if wanted.check:
        sys.stdout.writelines(f"{FOLDER.name}/{name} differs\n" for name in found)
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    for name in found:
        path = FOLDER / name
        path.write_bytes(files[name]) if name in files else path.unlink()
        sys.stdout.write(f"{FOLDER.name}/{name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
