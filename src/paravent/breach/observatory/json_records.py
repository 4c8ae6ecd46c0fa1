"""The records of a JSON file one by one: an array of thousands, one object, or objects one after the other.

A joined archive is never held in memory: only the record being read is. One record that is not JSON does not stop
the next: a quote that is not closed ends with its line, since no JSON string holds a line break, and a bracket too
many ends the record. A bracket too few swallows what follows, at most RECORD_BYTES_MAX of it: ``lines`` finds there
the records that stand each on a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

RECORD_BYTES_MAX = 8_388_608

# A whole string, a bracket, a comma; or a quote alone, whose end has not arrived or never will.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*+"|[{}\[\],"]')
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TooLong(ValueError):
    """A record does not end within its limit: what follows cannot be told apart."""


def records(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the bytes of each record of a file, in order; raises TooLong, after which nothing can be read."""
    splitter = _Splitter()
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.end()


def lines(record: bytes) -> Iterator[bytes]:
    """Yields the lines of a record that was not JSON, without the comma or the bracket that joined them."""
    for line in record.split(b"\n"):
        stripped = line.strip().removesuffix(b"]").removesuffix(b",").strip()
        if stripped:
            yield stripped


class _Splitter:
    """Cuts what it is fed where a record ends; brackets are counted, strings are skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._from = 0  # where the next token is looked for
        self._depth = 0
        self._base: int | None = None  # the depth at which records stand: 1 in an array, else 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Takes some bytes; yields the records that they end."""
        self._buffer += chunk
        if self._base is None and not self._start():
            return
        begin = 0
        while token := _TOKEN.search(self._buffer, self._from):
            if token[0] == b'"' and self._buffer.find(b"\n", token.end()) < 0:
                self._from = token.start()
                break
            self._from = token.end()
            end = self._ending(token[0], token.start(), token.end())
            if end is not None:
                yield from _unless_blank(self._buffer[begin:end])
                begin = token.end()
        else:
            self._from = len(self._buffer)
        del self._buffer[:begin]
        self._from -= begin
        if len(self._buffer) > RECORD_BYTES_MAX:
            yield self._whole_lines()

    def end(self) -> Iterator[bytes]:
        """Yields what remains when the file ends: a record that was cut off, or nothing."""
        yield from _unless_blank(self._buffer)

    def _whole_lines(self) -> bytes:
        """Gives up a record that does not end, up to its last line break; raises TooLong when there is none."""
        end = self._buffer.rfind(b"\n")
        if end <= 0:
            raise TooLong
        given_up = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._from, self._depth = 0, self._base or 0
        return given_up

    def _start(self) -> bool:
        """Finds out whether the file is an array; says whether enough has arrived for that."""
        text = self._buffer.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if not text:
            return False
        self._base = 1 if text.startswith(b"[") else 0
        self._depth = self._base
        self._buffer = bytearray(text[self._base :])
        return True

    def _ending(self, token: bytes, start: int, end: int) -> int | None:
        """Counts a bracket; returns where the record ends, when this token ends one."""
        if token in b"{[":
            self._depth += 1
        elif token in b"}]":
            self._depth -= 1
            if self._depth < (self._base or 0):
                self._depth = self._base or 0
                return start  # the end of the array, or one bracket too many
            if self._base == 0 and self._depth == 0:
                return end
        elif token == b"," and self._depth == self._base:
            return start
        return None


def _unless_blank(text: bytearray) -> Iterator[bytes]:
    record = bytes(text).strip()
    if record:
        yield record
