"""The peers' side of ``membership``, in a process of its own: two packages that ``make peers`` installs for this alone.

Reads the set as a JSON list of hexadecimal texts on its standard input, and asks for as many of them, one by one, as
its second argument says; writes the times and what a client has to load beforehand.
"""

from __future__ import annotations

import json
import os
import sys
import time

FALSE_POSITIVES = 1e-9


def psi(persons: list[str], asked: int) -> tuple[list[float], int]:
    """OpenMined PSI (Apache-2.0): the client loads a compressed set, then asks one server for each person."""
    import private_set_intersection.python as library  # noqa: PLC0415 - the package of this peer alone

    server, client = library.server.CreateWithNewKey(True), library.client.CreateWithNewKey(True)  # noqa: FBT003
    setup = server.CreateSetupMessage(FALSE_POSITIVES, 1, persons)
    times = []
    for person in persons[:asked]:
        started = time.perf_counter()
        answer = server.ProcessRequest(client.CreateRequest([person]))
        found = client.GetIntersection(setup, answer)
        times.append((time.perf_counter() - started) * 1_000)
        if list(found) != [0]:
            raise RuntimeError("a member was not found")
    return times, len(setup.SerializeToString())


def voprf(persons: list[str], asked: int) -> tuple[list[float], int]:
    """The package voprf (BSD-3-Clause, in Rust): RFC 9497 with the suite that we have, at one server."""
    from voprf import ristretto as library  # noqa: PLC0415 - the package of this peer alone

    server = library.Evaluator(os.urandom(32))
    times = []
    for person in persons[:asked]:
        given = bytes.fromhex(person)
        started = time.perf_counter()
        client, blinded = library.Client.blind(given)
        found = client.finalize(server.evaluate(blinded), server.public_key)
        times.append((time.perf_counter() - started) * 1_000)
        if found != server.evaluate_known_input(given):
            raise RuntimeError("a blind evaluation is not that of the key")
    return times, 0


PEERS = {"psi": psi, "voprf": voprf}


if __name__ == "__main__":
    milliseconds, loaded = PEERS[sys.argv[1]](json.load(sys.stdin), int(sys.argv[2]))
    print(json.dumps({"times_ms": milliseconds, "loaded_bytes": loaded}))
