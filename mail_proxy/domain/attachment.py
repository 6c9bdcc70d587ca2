"""One attachment as an application asks for it: where its content is, and how the mail shows it.

What is posted is checked here; nothing is fetched and nothing decoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any

from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import check_line

MAX_ATTACHMENTS = 200  # of one message
MAX_FILENAME_CHARS = 255
MAX_LOCATION_CHARS = 4096  # of a path or a URL; base64 has the size of its content
MAX_CONTENT_ID_CHARS = 255

_FIELDS = frozenset(
    {"filename", "storage_path", "fetch_mode", "mime_type", "content_md5", "content_id", "auth"}
)
SEALED_AUTH = "sealed"  # in a row, in the place of `auth`, which lies there encrypted
_SPOOLED_FIELDS = frozenset(
    # `auth`: in rows that were stored before it was left out there.
    {"filename", "fetch_mode", "mime_type", "content_id", "content_md5", "spooled", "auth"}
)
_MIME_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}\Z")
_MD5 = re.compile(r"[0-9A-Fa-f]{32}\Z")
_MARKER = re.compile(r"\{MD5:([0-9A-Fa-f]{32})\}")
_CONTENT_ID = re.compile(r"[^\s<>\x00-\x1f\x7f]+\Z")
_NOT_IN_PATH = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_WITH_SERVER = re.compile(r"\[(https?://[^\]\s]+)\](.*)\Z", re.DOTALL)
BASE64_PREFIX = "base64:"


class Mode(StrEnum):
    """Where the content comes from."""

    BASE64 = auto()  # it was posted
    HTTP_URL = auto()  # GET of a URL, without credentials of the tenant
    ENDPOINT = auto()  # the tenant's own server: POST {"storage_path": ...}
    FILESYSTEM = auto()  # a file below one of the tenant's folders


_MODES = {mode.value: mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class Spooled:
    """A part of the message's spool file."""

    offset: int
    size_bytes: int
    sha256: str  # hex


@dataclass(frozen=True, slots=True)
class Attachment:
    """A checked entry of `attachments`.

    filename: as the mail shows it; a marker `{MD5:...}` is taken out.
    location: base64 text, a URL, a path, or what the endpoint is asked for; empty when `spooled`.
    server: of `[https://server]params`: the endpoint to post to, instead of the tenant's.
    mime_type: None: to be guessed from the name.
    content_md5: hex in lower case, given in its field or the name; the content must have it.
    content_id: without angle brackets: an inline image that the HTML body shows as `cid:`.
    auth: instead of the tenant's credentials, for this content alone.
    is_auth_sealed: it has an `auth` that the store has yet to open.
    spooled: the content was posted, and lies in the message's spool file.
    """

    filename: str
    mode: Mode
    location: str = ""
    server: str | None = None
    mime_type: str | None = None
    content_md5: str | None = None
    content_id: str | None = None
    auth: Mapping[str, Any] | None = field(default=None, repr=False)
    is_auth_sealed: bool = False
    spooled: Spooled | None = None


def read_attachments(given: object, *, is_posted: bool = False) -> tuple[Attachment, ...]:
    """The attachments of a message, in order; raises Invalid with the field that is wrong.

    is_posted: by a client, who cannot say what lies in the spool.
    """
    if given is None:
        return ()
    if not isinstance(given, list):
        raise Invalid("attachments must be a list", field="attachments")
    if len(given) > MAX_ATTACHMENTS:
        raise Invalid(f"there are more than {MAX_ATTACHMENTS} attachments", field="attachments")
    found = tuple(
        _attachment(entry, f"attachments[{n}]", is_posted) for n, entry in enumerate(given)
    )
    _check_content_ids(found)
    return found


def _attachment(entry: object, where: str, is_posted: bool) -> Attachment:
    if not isinstance(entry, Mapping):
        raise Invalid(f"{where} must be an object", field=where)
    if not is_posted and "spooled" in entry and entry.keys() <= _SPOOLED_FIELDS:
        return _spooled(entry, where)
    for name in entry:
        if name not in _FIELDS:
            shown = ascii(name)[:80]
            raise Invalid(f"{where} has a field {shown} that is not known", field=where)
    is_auth_sealed = not is_posted and entry.get("auth") == SEALED_AUTH
    filename, marked_md5 = _filename(entry.get("filename"), f"{where}.filename")
    mode, location, server = _place(entry, where)
    return Attachment(
        filename=filename,
        mode=mode,
        location=location,
        server=server,
        mime_type=_matched(entry, "mime_type", _MIME_TYPE, "type/subtype", where),
        content_md5=(
            _matched(entry, "content_md5", _MD5, "32 hexadecimal digits", where) or marked_md5 or ""
        ).lower()
        or None,
        content_id=_content_id(entry.get("content_id"), f"{where}.content_id"),
        auth=None if is_auth_sealed else _auth(entry.get("auth"), f"{where}.auth"),
        is_auth_sealed=is_auth_sealed,
    )


def _spooled(entry: Mapping[str, Any], where: str) -> Attachment:
    """One of our own rows: it was checked when it was posted."""
    offset, size_bytes, sha256 = entry["spooled"]
    filename, marked_md5 = _filename(entry.get("filename"), f"{where}.filename")
    return Attachment(
        filename=filename,
        mode=Mode.BASE64,
        mime_type=entry.get("mime_type") or None,
        content_md5=(entry.get("content_md5") or marked_md5 or "").lower() or None,
        content_id=_content_id(entry.get("content_id"), f"{where}.content_id"),
        spooled=Spooled(offset, size_bytes, sha256),
    )


def _filename(given: object, where: str) -> tuple[str, str | None]:
    """The name to show, and the MD5 of a marker in it."""
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_FILENAME_CHARS:
        raise Invalid(f"{where} must have 1 to {MAX_FILENAME_CHARS} characters", field=where)
    name = check_line(given, field=where)
    if "\t" in name:
        raise Invalid(f"{where} contains a tab", field=where)
    found = _MARKER.search(name)
    if found is None:
        return name, None
    name = name.replace(found[0], "")
    while "__" in name:
        name = name.replace("__", "_")
    name = name.replace("_.", ".").strip("_")
    if not name:
        raise Invalid(f"{where} is nothing but a marker", field=where)
    return name, found[1]


def _place(entry: Mapping[str, Any], where: str) -> tuple[Mode, str, str | None]:
    """Mode, location and server, inferred where no `fetch_mode` is given."""
    path = entry.get("storage_path")
    where = f"{where}.storage_path"
    if not isinstance(path, str):
        raise Invalid(f"{where} must be text", field=where)
    mode = _mode(entry.get("fetch_mode"), path, where.replace("storage_path", "fetch_mode"))
    if mode is Mode.BASE64:
        return mode, path.removeprefix(BASE64_PREFIX), None
    if not 1 <= len(path) <= MAX_LOCATION_CHARS:
        raise Invalid(f"{where} must have 1 to {MAX_LOCATION_CHARS} characters", field=where)
    if found := _NOT_IN_PATH.search(path):
        raise Invalid(f"{where} contains the character U+{ord(found[0]):04X}", field=where)
    if found := _WITH_SERVER.match(path):
        if mode in (Mode.ENDPOINT, Mode.HTTP_URL):
            return Mode.ENDPOINT, found[2], found[1]
        raise Invalid(f"{where} names a server, and fetch_mode is {mode}", field=where)
    if mode is Mode.HTTP_URL and not path.lower().startswith(("http://", "https://")):
        raise Invalid(f"{where} must be an http or https URL", field=where)
    return mode, path, None


def _mode(given: object, path: str, where: str) -> Mode:
    if given is None:
        return _inferred(path)
    if not isinstance(given, str) or given not in _MODES:
        raise Invalid(f"{where} must be one of {', '.join(_MODES)}", field=where)
    return _MODES[given]


def _inferred(path: str) -> Mode:
    if path.startswith(BASE64_PREFIX):
        return Mode.BASE64
    if path.lower().startswith(("http://", "https://")):
        return Mode.HTTP_URL
    return Mode.FILESYSTEM if path.startswith("/") else Mode.ENDPOINT


def _matched(
    entry: Mapping[str, Any], name: str, pattern: re.Pattern[str], what: str, where: str
) -> str | None:
    value = entry.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not pattern.match(value):
        raise Invalid(f"{where}.{name} must be {what}", field=f"{where}.{name}")
    return value


def _content_id(given: object, where: str) -> str | None:
    if given is None or given == "":
        return None
    if isinstance(given, str) and given.startswith("<") and given.endswith(">"):
        given = given[1:-1]
    if not (
        isinstance(given, str)
        and len(given) <= MAX_CONTENT_ID_CHARS
        and given.isascii()
        and _CONTENT_ID.match(given)
    ):
        raise Invalid(f"{where} must be printable ASCII without spaces, < and >", field=where)
    return given


def _check_content_ids(attachments: tuple[Attachment, ...]) -> None:
    """A `cid:` must name one part."""
    seen: set[str] = set()
    for n, attachment in enumerate(attachments):
        if attachment.content_id in seen:
            field = f"attachments[{n}].content_id"
            raise Invalid(f"{field} is that of another attachment too", field=field)
        if attachment.content_id:
            seen.add(attachment.content_id)


def _auth(given: object, where: str) -> dict[str, Any] | None:
    """method, and token, or user and password; each one line, sent as it is."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise Invalid(f"{where} must be an object", field=where)
    method = given.get("method", "none")
    if method not in ("none", "bearer", "basic"):
        raise Invalid(f"{where}.method must be one of none, bearer, basic", field=f"{where}.method")
    needed = {"none": (), "bearer": ("token",), "basic": ("user", "password")}[method]
    kept: dict[str, Any] = {"method": method}
    for name in needed:
        if not given.get(name):
            raise Invalid(f"{where}.{name} is missing", field=f"{where}.{name}")
        kept[name] = check_line(given[name], field=f"{where}.{name}")
    return kept
