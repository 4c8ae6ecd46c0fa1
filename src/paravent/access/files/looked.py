"""What a look at a home gave, and the planted files that it knows (docs/detection.md section 2.1): pure."""

from __future__ import annotations

from paravent.wire.codec import Bytes32, Message, Natural


class CanaryFile(Message, frozen=True, kw_only=True):
    """A file that nobody has a reason to touch: where it is, what it holds; instants are Unix seconds, 0 for never."""

    path: str
    sha256: Bytes32
    planted_at: Natural
    drill_until: Natural = 0
    drilled_at: Natural = 0


class CanaryFiles(Message, frozen=True, kw_only=True):
    """The planted files of a home."""

    files: tuple[CanaryFile, ...] = ()


class Looked(Message, frozen=True, kw_only=True):
    """What one look gave, in counts: no name of a file leaves the service.

    ``touched`` of ``planted`` files are changed or gone; ``drill`` is the beginning of the hash of the one that an
    announced drill changed, when no other was; ``lost`` of ``shaped`` files no longer have their shape; ``broken`` of
    ``pages`` of databases that were looked at have no structure; ``rewritten`` of ``files`` are not as they were at
    the last look.
    """

    planted: Natural = 0
    touched: Natural = 0
    drill: str = ""
    shaped: Natural = 0
    lost: Natural = 0
    pages: Natural = 0
    broken: Natural = 0
    files: Natural = 0
    rewritten: Natural = 0
