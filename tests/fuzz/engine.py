"""One target under atheris, in a process of its own: coverage of our code leads, our shapes change the inputs.

It imports nothing of the project before atheris has hooked the imports.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

INPUT_BYTES_MAX = 65_536
MEMORY_MB_MAX = 2_048


def main(name: str, executions: int, seconds: float, folder: Path) -> None:
    """Fuzzes until so many executions or seconds of processor time; writes a row to ``row.json`` of the folder."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["paravent"]):
        from tests.fuzz.mutation import mutate
        from tests.fuzz.target import Fault, execute
        from tests.fuzz.targets import TARGETS, regressions
    target, corpus = TARGETS[name](), folder / "corpus"
    corpus.mkdir()
    for place, seed in enumerate((*target.seeds, *regressions(name))):
        (corpus / f"seed-{place}").write_bytes(seed)
    answers, started = Counter[str](), time.process_time()

    def finish(fault: str | None) -> None:
        row = {
            "target": name, "executions": answers.total(), "seconds": round(time.process_time() - started, 1),
            "corpus": len(list(corpus.iterdir())), "undeclared": int(fault is not None),
            "answers": dict(answers.most_common()),
        }  # fmt: skip
        (folder / "row.json").write_text(json.dumps(row if fault is None else row | {"fault": fault}))
        os._exit(0 if fault is None else 1)

    def one_input(data: bytes) -> None:
        try:
            code, _ = execute(target, data)
        except Fault as fault:
            (folder / "fault").write_bytes(data)
            finish(str(fault))
            return
        answers[code] += 1
        if answers.total() >= executions or time.process_time() - started >= seconds:
            finish(None)

    def mutated(data: bytes, size_max: int, seed: int) -> bytes:
        return mutate(data, target.shape, random.Random(seed), target.seeds)[:size_max]

    options = [
        f"-max_len={INPUT_BYTES_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}", f"-artifact_prefix={folder}/", "-verbosity=0",
        "-timeout=120", "-seed=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], str(corpus), *options], one_input, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
