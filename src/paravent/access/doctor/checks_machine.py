"""Checks about the machine: versions, addresses, TLS, writes, space (docs/governance.md section 1): pure."""

from __future__ import annotations

import re
from ipaddress import ip_address

from paravent.access.doctor.facts import Facts
from paravent.access.doctor.findings import Finding, not_known, ok, wrong
from paravent.access.doctor.rules import Limits

DAY_SECONDS = 86_400
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?")
_DURABLE = {
    "sqlite": {"journal_mode": "wal"},
    "postgresql": {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"},
}
# In memory, or on another machine, where a lock and a flush do not mean what they mean on a disk.
_NOT_DURABLE = frozenset({"tmpfs", "ramfs", "nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})


def packages(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges installed versions by a lock file."""
    if facts.packages is None:
        return not_known("no lock file was given", "--lock keyserver.lock, or all.lock: the file it was installed from")
    found = {name: version for name, version in facts.packages.installed.items() if name in facts.packages.locked}
    if not found:
        return not_known("none of its packages is installed here", "give the lock of this installation")
    other = [
        f"{name} {version}" for name, version in sorted(found.items()) if version not in facts.packages.locked[name]
    ]
    if other:
        return wrong(f"not of {facts.packages.lock}: {', '.join(other[:6])}", "install again from the lock")
    return ok(f"{len(found)} packages have the versions of {facts.packages.lock}")


def listening(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges on which addresses the service listens."""
    if facts.listening is None:
        return not_known("the sockets of this machine could not be read", "run it on Linux")
    seen = ", ".join(facts.listening.addresses) or "nothing listens now"
    outside = [one for one in (*facts.listening.addresses, facts.listening.host) if _too_wide(one, facts)]
    if outside:
        wanted = "127.0.0.1" if facts.listening.loopback_only else "one address, behind a reverse proxy"
        return wrong(f"listens on {', '.join(outside)}", f"listen on {wanted}")
    if not facts.listening.addresses:
        return not_known(seen, "run it while the service is served")
    return ok(f"listens on {seen}")


def _too_wide(address: str, facts: Facts) -> bool:
    loopback_only = facts.listening is not None and facts.listening.loopback_only
    try:
        found = ip_address(address)
    except ValueError:
        # A name: which address it is stands among those seen.
        return loopback_only and address != "localhost"
    return found.is_unspecified or (loopback_only and not found.is_loopback)


def tls_front(facts: Facts, limits: Limits) -> Finding:
    """Judges the public address of a service."""
    if facts.front is None:
        return not_known("the public address could not be read", "correct config.toml")
    scheme, _, host = facts.front.base_url.partition("://")
    if scheme != "https":
        if _LOOPBACK.fullmatch(host):
            return not_known(f"{facts.front.base_url} is of this machine only", "answer where the service is public")
        return wrong(f"{facts.front.base_url} is in clear", "a reverse proxy with TLS, and init with its --base-url")
    if facts.front.certificate_ends_at is None:
        return wrong(f"{facts.front.base_url}: {facts.front.fault}", "see the reverse proxy and its certificate")
    days = (facts.front.certificate_ends_at - facts.at) // DAY_SECONDS
    if days < limits.certificate_days_min:
        return wrong(f"the certificate ends in {days} days", "renew it")
    return ok(f"{facts.front.base_url}: verified, {days} days left")


def synchronous_writes(facts: Facts, limits: Limits) -> Finding:  # noqa: ARG001 - every check has the same form
    """Judges whether what was answered is on disk."""
    if facts.database is None or facts.database.engine not in _DURABLE:
        return not_known("the database could not be read", "run as the user of the service")
    database = facts.database
    off = [
        f"{name} {database.settings.get(name, 'unknown')}" for name, value in _DURABLE[database.engine].items()
        if database.settings.get(name) != value
    ]  # fmt: skip
    if off:
        return wrong(
            f"{database.engine}: {', '.join(off)}", "set them back: answers would be given before they are kept"
        )
    if database.filesystem in _NOT_DURABLE:
        return wrong(f"the file system is {database.filesystem}", "a local disk")
    if database.filesystem is None:
        return not_known("the file system could not be seen", "run it on Linux")
    return ok(f"{database.engine}, {', '.join(f'{name} {value}' for name, value in database.settings.items())},"
              f" on {database.filesystem}")  # fmt: skip


def disk_space(facts: Facts, limits: Limits) -> Finding:
    """Judges the free space."""
    if facts.disk is None or not facts.disk.total_bytes:
        return not_known("the disk could not be read", "run as the user of the service")
    percent = 100 * facts.disk.free_bytes // facts.disk.total_bytes
    seen = f"{facts.disk.free_bytes // 2**20:,} MiB free, {percent} %"
    if percent < limits.disk_free_percent_min or facts.disk.free_bytes < limits.disk_free_bytes_min:
        return wrong(seen, "make room: a full disk stops every act")
    return ok(seen)
