"""The fields of an event in a report, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mail_proxy.domain.safe_text import visible


def event_data(data: Mapping[str, Any], request_id: str | None) -> str:
    """JSON; with the id of the request that brought the message, or that a person made."""
    if request_id:
        return json.dumps({**data, "request_id": visible(request_id)})
    return json.dumps(data)
