"""Makes ``docs/cases`` again: ``make cases``. Plays each worked case, stamps it with an authority of the occasion.

What is committed of a case are its texts, its register, its deadlines, its dossier and what a reader pins. The clock
from the opening of each case to its last document is printed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from paravent.crypto.timestamp_request import StampNonce, stamp_request
from paravent.drill.authority import LocalAuthority
from paravent.drill.cases.run import Authority, rows

COMMITTED = {".txt", ".csv", ".ics"}
CASES = Path(__file__).parents[1] / "docs" / "cases"


def authority_in(folder: Path, *, under: Path | None = None) -> Authority:
    """Makes an authority that stamps by ``openssl ts``, under a root of its own or that of another's folder."""
    local = LocalAuthority(folder, under=under)
    return Authority(
        stamp=lambda note: local.answer(stamp_request(note, StampNonce(7))),
        certificate=local.certificate.public_bytes(Encoding.PEM).decode(),
        root=local.root.public_bytes(Encoding.PEM).decode(),
    )


def main(cases: Path) -> None:
    """Plays every case and replaces what is committed of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for row in rows(folder, authority_in(folder / "authority")):
            case = str(row["scenario"]).removeprefix("case-")
            shutil.rmtree(cases / case, ignore_errors=True)
            (cases / case / "documents").mkdir(parents=True)
            for file in ("dossier.tar", "trust.json"):
                shutil.copyfile(folder / case / file, cases / case / file)
            for path in sorted((folder / case / "documents").iterdir()):
                if path.suffix in COMMITTED:
                    shutil.copyfile(path, cases / case / "documents" / path.name)
            sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(CASES)
