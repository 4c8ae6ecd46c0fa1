"""Is this person in the set, without telling whom one asks about: our blind evaluation, and two packages.

Ours is the cryptography of one look-up, without the network: blind, evaluate and prove at t servers, verify, combine,
unblind. The peers are asked without a network too, each at one server. None of them counts anybody's requests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from paravent.bench.peers.figures import MEMBERSHIP, PeerFigures, p50_and_p99
from paravent.crypto import dleq, group, oprf, sharing

ASKED = 200
_THRESHOLD, _SERVERS = 2, 3
_OPENED_BY = {
    "psi": ("openmined-psi", "everybody: the server keeps its set in clear"),
    "voprf": ("voprf", "it keeps nothing; with the one server's key everybody"),
}


def membership(inputs: Sequence[bytes]) -> Iterator[PeerFigures]:
    """Measures ours, then each package that is installed."""
    yield _ours(inputs)
    for name, (package, opens) in _OPENED_BY.items():
        yield _package(name, package, opens, inputs)


def _ours(inputs: Sequence[bytes]) -> PeerFigures:
    key = group.random_scalar(os.urandom)
    shares, commitments = sharing.deal(key, _THRESHOLD, _SERVERS, os.urandom)
    publics = {index: sharing.public_share(index, commitments) for index in shares}
    times = []
    for person in inputs[:ASKED]:
        started = time.perf_counter()
        factor, blinded = oprf.blind(person, os.urandom)
        evaluated = {}
        for index in range(1, _THRESHOLD + 1):
            evaluated[index] = group.multiply(shares[index], blinded)
            proof = dleq.generate_proof(shares[index], publics[index], [blinded], [evaluated[index]], os.urandom)
            dleq.verify_proof(proof, publics[index], [blinded], [evaluated[index]], culprit=str(index))
        found = oprf.finalize(person, factor, sharing.combine(evaluated, _THRESHOLD, _SERVERS))
        times.append((time.perf_counter() - started) * 1_000)
        if found != oprf.evaluate(person, key):
            raise RuntimeError("the shares do not evaluate as the key")
    p50, p99 = p50_and_p99(times)
    return PeerFigures(
        work=MEMBERSHIP, peer="paravent, 2 of 3 servers", persons=len(inputs), p50_ms=p50, p99_ms=p99,
        requests=len(times), bytes_a_person=0, copy_opens="nobody; with t key servers' keys everybody",
    )  # fmt: skip


def _package(name: str, package: str, opens: str, inputs: Sequence[bytes]) -> PeerFigures:
    done = subprocess.run(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "paravent.bench.peers.packages", name, str(ASKED)],
        input=json.dumps([one.hex() for one in inputs]).encode(), capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["it ended"])[-1]
        reason = f"{last[:160]}; make peers installs it"
        return PeerFigures(work=MEMBERSHIP, peer=package, persons=len(inputs), not_run=reason)
    found = json.loads(done.stdout)
    p50, p99 = p50_and_p99(found["times_ms"])
    return PeerFigures(
        work=MEMBERSHIP, peer=f"{package}, 1 server", persons=len(inputs), p50_ms=p50, p99_ms=p99,
        requests=len(found["times_ms"]), bytes_a_person=round(found["loaded_bytes"] / len(inputs), 2), copy_opens=opens,
    )  # fmt: skip
