"""Attachments that are too large for a mail: what is done with them, and where they may be kept.

Nothing is stored or sent here. `domain/links.py` has the text that takes an attachment's place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from html import unescape
from typing import Any

from mail_proxy.domain.attachment import Attachment
from mail_proxy.domain.errors import Invalid

MIB = 2**20
DAY_S = 86400.0
SIGNED_AT_MOST_S = 7 * DAY_S  # what S3 and GCS sign for (their signature version 4)
MAX_NAME_CHARS = 100  # of a file as it is kept

_PLACE = re.compile(r"(s3|gs|az|abfs|file)://([^/]*)((?:/.*)?)\Z", re.DOTALL)
# Nothing that a storage library reads as more than a name: versions, globs, chains, escapes.
_CLOUD_PATH = re.compile(r"[A-Za-z0-9._=+~,/-]*\Z")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\Z")
_BAD_IN_PATH = frozenset("?#%@\\*[]{}<>\"'|^`")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ATTR_CHARS = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&+-.^_`|~"
)
_CID = re.compile(r"cid:([^\s\"'<>]{1,2000})", re.IGNORECASE)  # longer ones are nobody's
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")


class Protocol(StrEnum):
    """Where files may be kept. The list is fixed here: a URL cannot name any other library."""

    S3 = auto()
    GS = auto()
    AZ = auto()
    FILE = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """A checked `storage_url`.

    bucket: of S3 and GCS, the container of Azure; empty for files.
    prefix: of the keys in it, without slashes around; of files an absolute path, or empty for the
    instance's own folder.
    """

    protocol: Protocol
    bucket: str
    prefix: str

    @property
    def is_local(self) -> bool:
        return self.protocol is Protocol.FILE


def read_place(url: str, *, field: str = "storage_url") -> Place:
    """The place that a URL names. Raises Invalid for any that is not of a known and plain form."""
    found = _PLACE.match(url)
    if found is None:
        raise Invalid(f"{field} must begin with s3://, gs://, az:// or file://", field=field)
    scheme, bucket, path = found[1], found[2], found[3]
    if "::" in url or not url.isprintable() or _BAD_IN_PATH & set(url):
        raise Invalid(f"{field} has a part that is not allowed: only a plain path is", field=field)
    parts = path.strip("/").split("/") if path.strip("/") else []
    if any(part in ("", ".", "..") for part in parts):
        raise Invalid(f"{field} has a part of its path that is empty, '.' or '..'", field=field)
    if scheme == "file":
        if bucket or (path and len(parts) == 0):
            raise Invalid(f"{field}: after file:// comes an absolute path", field=field)
        return Place(Protocol.FILE, "", "/" + "/".join(parts) if parts else "")
    if not _BUCKET.match(bucket) or ".." in bucket:
        raise Invalid(f"{field} names no bucket", field=field)
    if not _CLOUD_PATH.match(path):
        raise Invalid(f"{field} has a character that no prefix of ours has", field=field)
    protocol = Protocol.AZ if scheme == "abfs" else Protocol(scheme)
    return Place(protocol, bucket, "/".join(parts))


# --- what is done ---


class Action(StrEnum):
    WARN = auto()
    REJECT = auto()
    REWRITE = auto()


class Fate(StrEnum):
    """What becomes of one attachment."""

    KEEP = auto()
    WARN = auto()  # it is sent, and told
    REJECT = auto()  # the message fails for good
    REWRITE = auto()  # it is stored, and the mail has a link to it


@dataclass(frozen=True, slots=True)
class LargeFilePolicy:
    """A tenant's `large_file_config`, checked when it was set."""

    enabled: bool
    max_bytes: float
    action: Action
    storage_url: str | None
    public_base_url: str | None
    ttl_s: float
    lifespan_s: float | None  # after the first download

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> LargeFilePolicy:
        given = config or {}
        lifespan = given.get("lifespan_after_download_days")
        return cls(
            enabled=bool(given.get("enabled")),
            max_bytes=float(given.get("max_size_mb") or 10.0) * MIB,
            action=Action(given.get("action") or "warn"),
            storage_url=given.get("storage_url"),
            public_base_url=given.get("public_base_url"),
            ttl_s=float(given.get("file_ttl_days") or 30) * DAY_S,
            lifespan_s=None if lifespan is None else float(lifespan) * DAY_S,
        )

    @property
    def limit_mb(self) -> str:
        return f"{self.max_bytes / MIB:g}"


def fates(
    policy: LargeFilePolicy,
    attachments: Sequence[Attachment],
    sizes: Sequence[int],
    html: str | None,
) -> tuple[Fate, ...]:
    """What becomes of each attachment of a message, by its own size in bytes.

    An image that the HTML body shows stays in the mail: a link in its place would show nothing.
    """
    if not policy.enabled:
        return (Fate.KEEP,) * len(attachments)
    shown = shown_content_ids(html)
    return tuple(
        _fate(policy, attachment, size, shown)
        for attachment, size in zip(attachments, sizes, strict=True)
    )


def _fate(
    policy: LargeFilePolicy, attachment: Attachment, size: int, shown: frozenset[str]
) -> Fate:
    if size <= policy.max_bytes:
        return Fate.KEEP
    if policy.action is Action.REWRITE and attachment.content_id in shown:
        return Fate.WARN
    return Fate(policy.action.value)


def shown_content_ids(html: str | None) -> frozenset[str]:
    """Of the parts that the HTML body shows (RFC 2392: an id is escaped as in any URL)."""
    found = {unescape(given) for given in _CID.findall(html or "")}
    found |= {given.partition(")")[0] for given in found}  # of `url(cid:...)` in a style
    return frozenset(_ESCAPED.sub(lambda e: chr(int(e[1], 16)), given) for given in found)


def refusal(name: str, size_bytes: int, policy: LargeFilePolicy) -> str:
    """Why a message is rejected; part of the wire."""
    size = f"{size_bytes / MIB:.1f}"
    return f"Attachment '{name}' ({size} MB) exceeds limit ({policy.limit_mb} MB)"


# --- names and times ---


def safe_name(name: str) -> str:
    """A name for the file where it is kept, and in its link: letters, digits, dot, dash and _."""
    stem, dot, ending = name.rpartition(".")
    if not dot:
        stem, ending = ending, ""
    ending = _plain(ending)[:16].strip("._-")
    stem = _plain(stem)[: MAX_NAME_CHARS - len(ending) - 1].strip("._-") or "file"
    return f"{stem}.{ending}" if ending else stem


def _plain(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("_", ascii_only).strip("._-")


def disposition(name: str) -> str:
    """Content-Disposition that has a browser keep the file and not show it (RFC 6266).

    Old programs take the plain name; the true one is in UTF-8 (RFC 8187 section 3.2).
    """
    encoded = "".join(
        chr(octet) if octet in _ATTR_CHARS else f"%{octet:02X}"
        for octet in name.encode("utf-8", "replace")
    )
    return f"attachment; filename=\"{safe_name(name)}\"; filename*=UTF-8''{encoded}"


def expires_at(now: float, ttl_s: float) -> float:
    """The end of the UTC day on which the time is up: readers are told a date, and it is whole."""
    return (int((now + ttl_s) // DAY_S) + 1) * DAY_S
