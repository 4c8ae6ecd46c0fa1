"""Sealing on the machines of a Dask cluster: the publisher's side (decision 0034).

Holds nothing on disk but parts, as sealing on one machine does. The connection is TLS with the cluster's own
certificates; what the scheduler carries is sealed besides (``bulk``).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from distributed import Client, Future, Security

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.errors import InvalidConfiguration, Unreachable
from paravent.insurer.bulk import box_job, open_part
from paravent.insurer.bulk_worker_store import do
from paravent.insurer.runs_store import write_part
from paravent.insurer.sealing import SealingKeys
from paravent.insurer.sealing_client import Part

_CONNECT_SECONDS, _TASKS_PER_WORKER = 120, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """A cluster: where its scheduler is, and the folder with ``ca.pem``, ``cert.pem``, ``key.pem``, ``workers.pub``."""

    scheduler: str
    folder: Path

    def security(self) -> Security:
        """Names the certificates; raises InvalidConfiguration when the address is not TLS or a file is missing."""
        if not self.scheduler.startswith("tls://"):
            raise InvalidConfiguration("a scheduler is reached over TLS: tls://HOST:PORT")
        return security(self.folder)

    def workers(self) -> BoxPublicKey:
        """Reads the public half of the key that every worker holds."""
        return hpke.require_public_key(_existing(self.folder / "workers.pub").read_bytes())


def security(folder: Path) -> Security:
    """Names the certificates of a folder, for whoever connects or listens; raises InvalidConfiguration."""
    ca, cert, key = (str(_existing(folder / name)) for name in ("ca.pem", "cert.pem", "key.pem"))
    return Security(  # type: ignore[no-untyped-call]
        require_encryption=True, tls_ca_file=ca, tls_client_cert=cert, tls_client_key=key, tls_worker_cert=cert,
        tls_worker_key=key, tls_scheduler_cert=cert, tls_scheduler_key=key,
    )  # fmt: skip


def seal_parts_on(
    machines: Machines, keys: SealingKeys, parts: Iterable[Part], *, workers_min: int = 1
) -> Iterator[int]:
    """Seals parts on the cluster and writes each as it comes back; yields how many lines each had.

    What a worker that died was sealing, another one seals: a part is written once, whole, by this process alone.
    Raises Unreachable when the scheduler is away or has no worker, ProofFailure when a worker answers wrongly.
    """
    workers, answer = machines.workers(), BoxKey.generate(os.urandom)
    with _connected(machines, workers_min) as client:
        waiting: deque[tuple[int, Part, Future[bytes]]] = deque()
        most = _TASKS_PER_WORKER * max(1, len(client.scheduler_info()["workers"]))
        for number, part in enumerate(parts):
            box = box_job(number, keys, part.lines, workers, answer.public)
            # Not pure, and under no name: the same box is never taken for one that was done before.
            waiting.append((number, part, client.submit(do, box, pure=False)))
            if len(waiting) >= most:
                yield _taken(*waiting.popleft(), keys, answer)
        while waiting:
            yield _taken(*waiting.popleft(), keys, answer)


def _taken(number: int, part: Part, future: Future[bytes], keys: SealingKeys, answer: BoxKey) -> int:
    try:
        box = bytes(future.result())
    except Exception as error:
        raise Unreachable("a sealing worker failed, and no other could do its part: publish again") from error
    finally:
        future.release()  # type: ignore[no-untyped-call]
    write_part(part.path, open_part(box, number, keys, part.lines, answer))
    return len(part.lines)


def _connected(machines: Machines, workers: int) -> Client:
    try:
        client = Client(  # type: ignore[no-untyped-call]
            machines.scheduler, security=machines.security(), timeout=_CONNECT_SECONDS, set_as_default=False
        )
        client.wait_for_workers(workers, timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError) as error:
        raise Unreachable("the scheduler cannot be reached, or has no worker") from error
    return client


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InvalidConfiguration(f"{path.name} is missing in {path.parent}")
    return path
