"""What happened to a message: as it is written, and as it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event written with the change that it tells; `data` are its fields in a report.

    The store adds the `request_id` of the message.
    """

    event_type: str
    event_ts: float
    description: str
    data: dict[str, Any]
    reportable: bool


@dataclass(frozen=True, slots=True)
class EventRow:
    """report_state: none, pending, reported, parked or dropped (there was nobody to report to).

    reported_ts: since when it is in one of the last three.
    """

    pk: int
    tenant_id: str
    message_pk: int
    message_id: str
    account_id: str
    priority: int
    event_type: str
    event_ts: float
    description: str | None
    data: dict[str, Any]
    report_state: str
    reported_ts: float | None
    report_tries: int
    replayed_at: float | None = None

    @property
    def reported(self) -> dict[str, Any]:
        """What a report has of `data`; how the attempt went is for the timeline alone."""
        return {key: value for key, value in self.data.items() if key != "attempt"}

    @property
    def is_to_be_told(self) -> bool:
        return self.report_state != "none"

    @property
    def acknowledged_at(self) -> float | None:
        """When its application took it."""
        return self.reported_ts if self.report_state == "reported" else None

    @property
    def parked_at(self) -> float | None:
        return self.reported_ts if self.report_state == "parked" else None
