"""The engine of the tests: seeded, in one process, led by what readers say rather than by coverage.

An input that is answered as none before it is kept, and changed further.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.mutation import mutate
from tests.fuzz.target import Fault, Target, execute
from tests.fuzz.targets import TARGETS, regressions

CORPUS_MAX = 400
ROUND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How many inputs were answered how; the inputs kept; the first that is a fault."""

    answers: Counter[str]
    corpus: int
    fault: tuple[bytes, str] | None = None


def run(target: Target, executions: int, seed: int, more: Sequence[bytes] = ()) -> Found:
    """Executes the seeds, what else is given, and then that many inputs made of them."""
    dice, answers, known = random.Random(seed), Counter[str](), set[tuple[str, str]]()
    corpus = [*target.seeds, *more]
    data = b""
    try:
        for number in range(len(corpus) + executions):
            fresh = number >= len(target.seeds) + len(more)
            data = mutate(dice.choice(corpus), target.shape, dice, corpus) if fresh else corpus[number]
            code, text = execute(target, data)
            answers[code] += 1
            answered = code, re.sub(r"[0-9]+", "", text)
            if fresh and answered not in known and len(corpus) < CORPUS_MAX:
                corpus.append(data)
            known.add(answered)
    except Fault as fault:
        return Found(answers=answers, corpus=len(corpus), fault=(data, str(fault)))
    return Found(answers=answers, corpus=len(corpus))


def main(name: str, executions: int, seconds: float, folder: Path) -> int:
    """Fuzzes in rounds until so many executions or seconds of processor time; writes a row as ``engine`` does."""
    target, answers, rounds, started = TARGETS[name](), Counter[str](), 0, time.process_time()
    found = Found(answers=answers, corpus=0)
    while answers.total() < executions and time.process_time() - started < seconds and found.fault is None:
        rounds += 1
        found = run(target, min(ROUND * rounds, executions - answers.total()), rounds, regressions(name))
        answers.update(found.answers)
    row = {
        "target": name, "executions": answers.total(), "seconds": round(time.process_time() - started, 1),
        "corpus": found.corpus, "undeclared": int(found.fault is not None), "answers": dict(answers.most_common()),
    }  # fmt: skip
    if found.fault is not None:
        (folder / "fault").write_bytes(found.fault[0])
        row["fault"] = found.fault[1]
    (folder / "row.json").write_text(json.dumps(row))
    return int(found.fault is not None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
