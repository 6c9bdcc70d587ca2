"""The bodies of a mail as an application may name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mail_proxy.domain.message import check_text

NAMES = ("body", "body_text", "text", "body_html", "html", "content_type")  # of the fields


def read_bodies(fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The plain and the HTML body; `body` is whichever `content_type` or `html: true` says.

    An empty one beside one that says something is left out: some readers would show it instead.
    Raises Invalid.
    """
    body = _text(fields, "body")
    is_html = fields.get("html") is True or _kind(fields) == "html"
    text = _text(fields, "body_text") or _text(fields, "text") or (None if is_html else body)
    html = _text(fields, "body_html") or _html(fields) or (body if is_html else None)
    if text or html:
        return text or None, html or None
    return (None, "") if is_html else ("", None)


def with_bodies(fields: Mapping[str, Any], text: str | None, html: str | None) -> dict[str, Any]:
    """The same fields with these bodies."""
    rest = {name: value for name, value in fields.items() if name not in NAMES}
    if text is not None:
        rest["body_text"] = text
    if html is not None:
        rest["body_html"] = html
    return rest


def _kind(fields: Mapping[str, Any]) -> str:
    kind = fields.get("content_type")
    return kind.strip().lower() if isinstance(kind, str) else "plain"


def _html(fields: Mapping[str, Any]) -> str | None:
    given = fields.get("html")
    return None if isinstance(given, bool) else _text(fields, "html")


def _text(fields: Mapping[str, Any], field: str) -> str | None:
    return None if (value := fields.get(field)) is None else check_text(value, field=field)
