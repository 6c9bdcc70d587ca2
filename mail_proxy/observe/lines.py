"""From a log record to one line: time, level, event, then key=value fields.

Foreign text is quoted and escaped, so that it can neither start a line of its own nor pass for
another field, and no terminal acts on it.
"""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from mail_proxy.observe.redact import MASK, SECRET_FIELDS, redact

LOGGER = "mail_proxy"
LONGEST_VALUE = 1000  # characters
LONGEST_TRACEBACK = 8000
_BARE = re.compile(r"[A-Za-z0-9_.,:;@+*/<>()\[\]~%#!?&$-]+\Z")

_as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: it is called for every message


def iso_utc(seconds: float) -> str:
    """`2026-01-31T12:03:57.250Z`; a time out of range is shown as the number."""
    try:
        whole = math.floor(seconds)
        return f"{_iso_second(whole)}.{int((seconds - whole) * 1000):03d}Z"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


@lru_cache(maxsize=16)
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class EventRecord(logging.LogRecord):
    """An event and its fields; any other program's formatter shows both as the message.

    error: a bug whose traceback goes with it.
    """

    def __init__(
        self, level: int, event: str, fields: dict[str, Any], error: BaseException | None = None
    ) -> None:
        trace = None if error is None else (type(error), error, error.__traceback__)
        super().__init__(LOGGER, level, "", 0, event, None, trace)
        self.event = event
        self.fields = fields

    def getMessage(self) -> str:  # noqa: N802 - the standard library's name
        return _text_of(self.event, _shown_fields(self.fields))


class TextLines(logging.Formatter):
    """`<time> <level> <event> key=value ...`"""

    def format(self, record: logging.LogRecord) -> str:
        event, fields = _told(record)
        return f"{iso_utc(record.created)} {record.levelname} {_text_of(event, fields)}"


class JsonLines(logging.Formatter):
    """One JSON object: `time`, `level`, `event` and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        event, fields = _told(record)
        head = {"time": iso_utc(record.created), "level": record.levelname, "event": event}
        return json.dumps(head | {key: fields[key] for key in fields if key not in head})


def _told(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    """The event's name and its fields; a library's record is the event `log` with its text."""
    if isinstance(record, EventRecord):
        event, fields = record.event, _shown_fields(record.fields)
    else:
        event = "log"
        fields = {"logger": record.name, "text": _shown("text", record.getMessage())}
    if record.exc_info and record.exc_info[1] is not None:
        fields["traceback"] = _trace(record.exc_info[1])
    return event, fields


def _text_of(event: str, fields: dict[str, Any]) -> str:
    return " ".join((event, *(f"{key}={_quoted(value)}" for key, value in fields.items())))


def _shown_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """What is None is left out."""
    return {key: _shown(key, value) for key, value in fields.items() if value is not None}


def _shown(key: str, value: Any) -> Any:
    """A value as it is written: numbers stay, times become ISO, texts are redacted and cut."""
    if key in SECRET_FIELDS:
        return MASK
    if isinstance(value, str):
        return redact(_cut(value))
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return iso_utc(value) if key.endswith("_at") else round(value, 6)
    return redact(_cut(_one_line(value)))


def _one_line(value: Any) -> str:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _trace(error: BaseException) -> str:
    # The end of a traceback says the most.
    return redact("".join(traceback.format_exception(error))[-LONGEST_TRACEBACK:])


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if _BARE.match(text):
        return text
    quoted = _as_json(text)
    return quoted if quoted.isprintable() else "".join(map(_escaped, quoted))


def _escaped(letter: str) -> str:
    """C1 controls, direction marks, surrogates and line separators, as JSON would write them."""
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]
