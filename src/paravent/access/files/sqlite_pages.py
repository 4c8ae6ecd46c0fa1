"""Whether a page of an SQLite file still has the structure of one (docs/detection.md section 2.1): pure.

A row that is sealed looks random whatever is done to it; the page around it does not (SQLite file format, sections
1.6 and 1.7). Encrypted, a page passes for one with a probability of pages / 2^32, and about one in a thousand million
when its first bytes were spared.
"""

from __future__ import annotations

from itertools import pairwise

HEADER = b"SQLite format 3\0"
HEADER_BYTES = 100
_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_KINDS = frozenset({_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE})
_INTERIOR = frozenset({_INTERIOR_INDEX, _INTERIOR_TABLE})


def page_size(head: bytes) -> int | None:
    """Reads the size of a page in bytes from the head of a file; None when it is no database."""
    if len(head) < HEADER_BYTES or not head.startswith(HEADER):
        return None
    size = int.from_bytes(head[16:18])
    size = 65_536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else None


def page_holds(page: bytes, number: int, pages: int) -> bool:
    """Says whether page ``number`` of so many, counted from 1, is structured: a b-tree, or the next of a chain."""
    start = HEADER_BYTES if number == 1 else 0
    if page[start] in _KINDS:
        return _tree_holds(page, start, pages)
    # A page of an overflow chain or of the list of free pages begins with the number of the next, 0 at the end; one
    # that maps pointers begins with a kind from 1 to 5 and the number of a page.
    return int.from_bytes(page[:4]) <= pages or (page[0] in range(1, 6) and int.from_bytes(page[1:5]) <= pages)


def _tree_holds(page: bytes, start: int, pages: int) -> bool:
    kind, size = page[start], len(page)
    cells, begins = int.from_bytes(page[start + 3 : start + 5]), int.from_bytes(page[start + 5 : start + 7]) or 65_536
    pointers = start + (12 if kind in _INTERIOR else 8)
    if not pointers + 2 * cells <= begins <= size:
        return False
    found = sorted(int.from_bytes(page[at : at + 2]) for at in range(pointers, pointers + 2 * cells, 2))
    # Cells lie apart, between where their area begins and the end: each ends before the next one.
    return all(
        begins <= at and _cell_ends(page, at, kind, pages) <= following for at, following in pairwise([*found, size])
    )


def _cell_ends(page: bytes, at: int, kind: int, pages: int) -> int:
    """Returns where a cell ends; beyond every page when it is none."""
    beyond = len(page) + 1
    if kind in _INTERIOR:
        if not 0 < int.from_bytes(page[at : at + 4]) <= pages:
            return beyond
        at += 4
    number, at = _varint(page, at)
    if kind == _INTERIOR_TABLE:
        return at
    if kind == _LEAF_TABLE:
        _, at = _varint(page, at)
    return at + _local(number, len(page), leaf=kind == _LEAF_TABLE)


def _local(payload: int, usable: int, *, leaf: bool) -> int:
    """Returns how many bytes of a payload stand in the page, with the pointer to the rest."""
    most = usable - 35 if leaf else (usable - 12) * 64 // 255 - 23
    if payload <= most:
        return payload
    least = (usable - 12) * 32 // 255 - 23
    kept = least + (payload - least) % (usable - 4)
    return (kept if kept <= most else least) + 4


def _varint(page: bytes, at: int) -> tuple[int, int]:
    """Reads a number of one to nine bytes; returns it and where it ends."""
    number = 0
    for place in range(at, min(at + 8, len(page))):
        number = number << 7 | page[place] & 0x7F
        if page[place] < 0x80:
            return number, place + 1
    return number << 8 | (page[at + 8] if at + 8 < len(page) else 0), at + 9
