"""Asking a time-stamping authority about one's own checkpoint (RFC 3161; docs/protocol.md section 12).

The authority sees a hash. The answer is kept as it came: whoever reads the log verifies it.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from http.client import HTTPException

from paravent.access.no_redirect_client import NoRedirect
from paravent.crypto.group import Rng
from paravent.crypto.timestamp_request import draw_nonce, stamp_request
from paravent.errors import Unreachable

STAMP_BYTES_MAX = 16_384
REQUEST_SECONDS_MAX = 10.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())


class Stamper:
    """Asks one authority, whose address the operator sets."""

    def __init__(self, url: str, rng: Rng) -> None:
        """Asks at ``url``, which is http or https: the stamp is signed, and the connection need not be."""
        self._url = url
        self._rng = rng

    async def stamp(self, note: bytes) -> bytes:
        """Returns the authority's answer for an encoded note; raises Unreachable."""
        return await asyncio.to_thread(self._stamp, stamp_request(note, draw_nonce(self._rng)))

    def _stamp(self, body: bytes) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - http or https, as the configuration says
            self._url, data=body, headers={"Content-Type": "application/timestamp-query"}, method="POST"
        )
        try:
            with _OPENER.open(request, timeout=REQUEST_SECONDS_MAX) as answer:
                content: bytes = answer.read(STAMP_BYTES_MAX + 1)
        except (OSError, urllib.error.HTTPError, HTTPException) as error:
            raise Unreachable(f"the time-stamping authority does not answer ({type(error).__name__})") from None
        if len(content) > STAMP_BYTES_MAX:
            raise Unreachable("the time-stamping authority answered more than a stamp")
        return content
