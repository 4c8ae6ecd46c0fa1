"""The engine of the tests: seeded, in this process, led by what readers say rather than by coverage.

An input that is answered as none before it is kept, and changed further.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fuzz.mutation import mutate
from tests.fuzz.target import Fault, Target, execute

CORPUS_MAX = 400


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
