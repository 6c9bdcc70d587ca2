"""A posted message as it is described; `operations/intake.py` checks each one by hand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mail_proxy.domain.attachment import (
    MAX_ATTACHMENTS,
    MAX_CONTENT_ID_CHARS,
    MAX_FILENAME_CHARS,
)
from mail_proxy.domain.message import MAX_BATCH_CODE_CHARS, MAX_HEADERS, MAX_ID_CHARS
from mail_proxy.domain.units import LATEST_TS
from mail_proxy.wire.fields import Request

_Addresses = list[str] | str
_Moment = Annotated[float, Field(ge=0, le=LATEST_TS)]


class PostedAuth(Request):
    """Credentials for one content, in the place of the tenant's."""

    method: Literal["none", "bearer", "basic"] = "none"
    token: str | None = Field(None, description="With `bearer`.")
    user: str | None = Field(None, description="With `basic`, and a `password`.")
    password: str | None = None


class PostedAttachment(Request):
    """One attachment. A field that is not known rejects its message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filename: str = Field(
        min_length=1,
        max_length=MAX_FILENAME_CHARS,
        description="As the mail shows it. A marker `{MD5:...}` in it is taken out.",
    )
    storage_path: str = Field(
        description="The content in base64, a URL, a path, or what the endpoint is asked for."
    )
    fetch_mode: Literal["base64", "http_url", "endpoint", "filesystem"] | None = Field(
        None,
        description="Left out: `base64:` in front, `http://` or `https://`, and `/` tell the mode; "
        "all else is `endpoint`.",
    )
    mime_type: str | None = Field(None, description="Left out: guessed from the name.")
    content_md5: str | None = Field(
        None, description="32 hexadecimal digits; the content must have it."
    )
    content_id: str | None = Field(
        None,
        max_length=MAX_CONTENT_ID_CHARS,
        description="An image that the HTML body shows as `cid:`; unique in its message.",
    )
    auth: PostedAuth | None = Field(
        None, description="Credentials for this content alone; shown as `********`."
    )


class PostedMessage(Request):
    """One message. A field that is not known is ignored; a wrong one rejects this message alone.

    Either `raw`, or `subject` and a body: `body` with `content_type`, or `text` and `html`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, serialize_by_alias=True)

    id: str = Field(
        min_length=1,
        max_length=MAX_ID_CHARS,
        description="Yours, unique for the tenant. The same id again replaces a message that "
        "still waits, and is refused as `already sent` later.",
    )
    tenant_id: str | None = Field(
        None, description="Left out: the token's own, else the account's, else the only tenant."
    )
    account_id: str | None = Field(
        None, description="Left out: the tenant's account with `is_default`, else its only one."
    )
    from_: str = Field(alias="from", description="One address, with a display name or without.")
    from_addr: str | None = Field(None, description="The same as `from`.")
    from_name: str | None = Field(None, description="The display name of the sender.")
    to: _Addresses = Field(description="A list, or one text with commas.")
    cc: _Addresses | None = None
    bcc: _Addresses | None = Field(None, description="In the envelope only.")
    reply_to: _Addresses | None = None
    return_path: str | None = Field(
        None, description="The envelope's sender; `<>` is nobody. Left out: `from`."
    )
    subject: str | None = Field(None, min_length=1, description="Needed where there is no `raw`.")
    body: str | None = None
    content_type: str | None = Field(None, description="Of `body`: `html`; all else is plain.")
    text: str | None = Field(None, description="A plain body; `body_text` is the same.")
    html: str | bool | None = Field(
        None, description="An HTML body, `body_html` is the same; `true`: `body` is HTML."
    )
    body_text: str | None = None
    body_html: str | None = None
    raw: str | None = Field(
        None, description="A whole RFC 5322 message in base64, instead of subject and bodies."
    )
    headers: dict[str, str | int | float | bool | None] | None = Field(
        None,
        max_length=MAX_HEADERS,
        description="More headers. Those that have a field of their own, and those that the proxy "
        "or a relay writes, are refused.",
    )
    message_id: str | None = Field(None, description="With its angle brackets. Left out: made.")
    attachments: list[PostedAttachment] | None = Field(
        None,
        max_length=MAX_ATTACHMENTS,
        description="Not beside `raw`. Their contents are posted here, or fetched when it is sent.",
    )
    priority: int | Literal["immediate", "high", "medium", "normal", "low"] | None = Field(
        None, description="0 (immediate) to 3 (low), or a word. Left out: the batch's, else 2."
    )
    deferred_ts: _Moment | None = Field(
        None, description="Not sent before; seconds since the epoch."
    )
    expires_ts: _Moment | None = Field(
        None, description="Not sent after: it fails then. Seconds since the epoch."
    )
    batch_code: str | None = Field(
        None,
        max_length=MAX_BATCH_CODE_CHARS,
        description="A campaign that is suspended and activated as a whole; no comma, not `*`.",
    )
