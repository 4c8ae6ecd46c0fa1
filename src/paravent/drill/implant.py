"""Code of the thief's inside a party that the drill starts: a malicious release, or malware on a desk.

It is put where Python looks before anything else of the party is loaded, so that the party's own code runs, altered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paravent.drill.platform import Platform

# A release of the key server that hands its secret files over when it starts.
HANDS_OVER = """
import pathlib, shutil, sys
if "serve" in sys.orig_argv:
    home = pathlib.Path(sys.orig_argv[sys.orig_argv.index("--home") + 1])
    shutil.copytree(home / "secrets", {drop!r}, dirs_exist_ok=True)
"""
# Malware that sees whom a desk serves, and what it is told of them.
LISTENS = """
import json, sys
if "serve" in sys.orig_argv:
    from paravent.desk import entitled
    judged = entitled._judged
    def listens(lane, entitlement, part, desk, holder, judgement):
        with open({drop!r}, "a") as file:
            file.write(json.dumps([str(holder.name), str(holder.birth_date), part.guarantee]) + "\\n")
        return judged(lane, entitlement, part, desk, holder, judgement)
    entitled._judged = listens
"""
# A release of the key server that evaluates under another share than the one it was dealt.
LIES = """
import sys
if "serve" in sys.orig_argv:
    from paravent.keyserver import evaluation
    multiply = evaluation.multiply
    evaluation.multiply = lambda scalar, element: multiply(scalar, multiply(scalar, element))
"""


@contextmanager
def implanted(platform: Platform, folder: Path, source: str, *parties: str) -> Iterator[None]:
    """Starts parties again with the thief's code in them, and afterwards without; its loot is ``folder/drop``."""
    (folder / "sitecustomize.py").write_text(source.format(drop=str(folder / "drop")))
    _restart(platform, parties, {"PYTHONPATH": str(folder)})
    try:
        yield
    finally:
        _restart(platform, parties, {})


def _restart(platform: Platform, parties: tuple[str, ...], environment: dict[str, str]) -> None:
    platform.stop(*(party for party in parties if party in platform.processes))
    usual, platform.environment = platform.environment, platform.environment | environment
    try:
        platform.start(*parties)
    finally:
        platform.environment = usual
