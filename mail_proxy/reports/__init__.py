"""Delivery reports: what became of each message, posted to the application that queued it.

Each event goes out at least once until it is acknowledged; a repeat carries the same `event_id`.
"""

from mail_proxy.reports.base import ReportStore
from mail_proxy.reports.reporter import Reporter

__all__ = ["ReportStore", "Reporter"]
