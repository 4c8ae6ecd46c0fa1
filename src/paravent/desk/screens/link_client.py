"""Asking the running desk for a link to its screens: whoever reads the desk's token may (docs/operating.md)."""

from __future__ import annotations

import httpx2

from paravent.desk.session import ScreensLink
from paravent.errors import Unreachable
from paravent.wire.codec import decode
from paravent.wire.problem import from_problem


async def ask_link(port: int, token: str) -> str:
    """Returns a link; raises Unreachable when the desk's service does not run."""
    headers = {"authorization": f"Bearer {token}"}
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
            answer = await http.post(f"http://127.0.0.1:{port}/v1/screens", content=b"{}", headers=headers)
    except httpx2.HTTPError as error:
        raise Unreachable(f"the desk's service does not run: start it first ({type(error).__name__})") from None
    if not answer.is_success:
        raise from_problem(answer.content, party="desk")
    return decode(answer.content, ScreensLink).link
