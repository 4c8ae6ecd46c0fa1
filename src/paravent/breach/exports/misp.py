"""A MISP event: unpublished, to the organisation alone (distribution 0); whoever imports it decides: pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from paravent.breach.documents import common
from paravent.breach.documents.model import View
from paravent.breach.exports.identifiers import uuid_of

_THREAT_LEVELS = {"faible": "3", "moyenne": "2"}


def event(view: View) -> dict[str, Any]:
    """Writes the event."""
    day = datetime.fromtimestamp(view.opened.aware_at, UTC).strftime("%Y-%m-%d")
    texts = [
        ("nature", common.nature(view)),
        *(
            (f"personnes, {view.names[amc]}", f"{one.proved} / {one.estimate} / {one.upper}")
            for amc in sorted(view.exposures) for one in [view.exposure(amc)]
        ),
    ]  # fmt: skip
    return {
        "Event": {
            "uuid": uuid_of("misp", view.case), "info": view.opened.title, "date": day, "published": False,
            "analysis": "1", "distribution": "0", "threat_level_id": _THREAT_LEVELS.get(view.severity[0].level, "1"),
            "timestamp": str(view.now),
            "Attribute": [
                {
                    "uuid": uuid_of("misp", view.case, comment), "type": "text", "category": "Other", "value": value,
                    "comment": comment, "to_ids": False, "distribution": "0", "timestamp": str(view.now),
                }
                for comment, value in texts
            ],
            "Tag": [{"name": "tlp:amber"}],
        }
    }  # fmt: skip
