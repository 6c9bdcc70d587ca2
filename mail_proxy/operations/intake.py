"""From one posted value to a message that can be stored, or the reason why not.

Plain checks in the order that this wire has always had: a batch of 1,000 passes here, so each
message may cost some twenty microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from mail_proxy.compose import (
    CheckedRaw,
    check_fields,
    checked_raw,
    envelope_address,
    message_id_of,
)
from mail_proxy.domain.address import Address, parse_address, parse_addresses
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import (
    NO_ACCOUNT,
    check_batch_code,
    check_headers,
    check_id,
    check_line,
    check_text,
    message_id_for,
    parse_priority,
)
from mail_proxy.domain.units import LATEST_TS
from mail_proxy.operations.attached import SPOOL_RAW_OVER_CHARS, Posted, attached
from mail_proxy.operations.chance import Chance
from mail_proxy.operations.directory import Directory
from mail_proxy.operations.spooling import Bulk
from mail_proxy.store.values.intake import NewMessage

MAX_RECIPIENTS = 1000  # of one message; a mailing is a batch of messages
NULL_PATH = "<>"  # RFC 5321 section 4.5.5: nobody is told of a failure
RANDOM_OCTETS = 16

_chance = Chance()

# What composes the mail and is shown of it; unknown fields are ignored.
_ENVELOPE = ("from_name", "to", "cc", "bcc", "subject")
_CONTENT = (
    *_ENVELOPE,
    *("reply_to", "body", "body_text", "body_html", "text", "html", "content_type"),
    "message_id",
)


class Intake:
    """Checks the messages of one post.

    tenant_id: of those that name none; a tenant's token supplies its own.
    default_priority: of those without one. now: seconds since the epoch.
    request_id: of the post.
    """

    def __init__(
        self,
        directory: Directory,
        *,
        tenant_id: str | None,
        default_priority: int,
        now: float,
        request_id: str | None = None,
    ) -> None:
        self._directory = directory
        self._tenant_id = tenant_id
        self._default_priority = default_priority
        self._now = now
        self._request_id = request_id

    def check(self, entry: object) -> NewMessage | Bulk:
        """A Bulk where a part of the content is to be spooled first.

        Raises Invalid: its text is the `reason` of the rejection, its field the `field`.
        """
        if not isinstance(entry, Mapping):
            raise Invalid("invalid payload")
        if not entry.get("id"):
            raise Invalid("missing id", field="id")
        tenant_id, account_id = self._owner(entry)
        _check_presence(entry)
        if not self._directory.has_account(tenant_id, account_id):
            raise Invalid(NO_ACCOUNT, field="account_id")
        return self._message(entry, tenant_id, account_id)

    def _owner(self, entry: Mapping[str, Any]) -> tuple[str, str]:
        """The tenant and the account, named or meant."""
        account_id = _name(entry, "account_id")
        tenant_id = (
            _name(entry, "tenant_id") or self._tenant_id or self._directory.guess_tenant(account_id)
        )
        if not tenant_id:
            raise Invalid("missing tenant_id", field="tenant_id")
        account_id = account_id or self._directory.default_account(tenant_id)
        if not account_id and not self._directory.has_tenant(tenant_id):
            raise Invalid("tenant not found", field="tenant_id")
        if not account_id:
            raise Invalid("missing account_id", field="account_id")
        return tenant_id, account_id

    def _message(
        self, entry: Mapping[str, Any], tenant_id: str, account_id: str
    ) -> NewMessage | Bulk:
        message_id = check_id(entry["id"])
        fields = _kept(entry)
        raw = _large_raw(fields)
        check_fields(fields, raw)
        contents, auth = _attach(entry, fields)
        sender = parse_address(fields["from"], field="from")
        is_pec = self._directory.is_pec(tenant_id, account_id)
        if is_pec and fields.get("bcc"):
            raise Invalid("bcc is not allowed on a PEC account", field="bcc")
        deferred_ts = _deferred_ts(entry.get("deferred_ts"))
        due_at = self._now if deferred_ts is None else max(self._now, float(deferred_ts))
        message = NewMessage(
            tenant_id=tenant_id,
            id=message_id,
            account_id=account_id,
            priority=self._priority(entry.get("priority")),
            due_at=due_at,
            deferred_ts=deferred_ts,
            batch_code=_batch_code(entry.get("batch_code")),
            sender=fields["from"],
            subject=fields.get("subject", ""),
            # Certified mail is refused when its envelope sender is not its From.
            return_path=sender.addr_spec if is_pec else _return_path(entry, sender),
            rfc_message_id=rfc_message_id(fields, sender, raw),
            recipients=_recipients(fields),
            content=b"" if contents or raw else to_json(fields),
            created_at=self._now,
            expires_at=_expires_at(entry.get("expires_ts"), due_at),
            request_id=self._request_id,
            attachment_auth=auth,
        )
        return Bulk(message, fields, contents, raw) if contents or raw else message

    def _priority(self, given: object) -> int:
        return self._default_priority if given is None else parse_priority(given)


def _name(entry: Mapping[str, Any], field: str) -> str | None:
    given = entry.get(field)
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise Invalid(f"{field} must be text, not {type(given).__name__}", field=field)
    return given


def _check_presence(entry: Mapping[str, Any]) -> None:
    if not _sender(entry):
        raise Invalid("missing from", field="from")
    to = entry.get("to")
    if not (any(to) if isinstance(to, list) else to):
        raise Invalid("missing to", field="to")
    if not entry.get("subject") and not entry.get("raw"):
        raise Invalid("missing subject", field="subject")


def _sender(entry: Mapping[str, Any]) -> Any:
    return entry.get("from") or entry.get("from_addr")


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are stored, as they were posted; `compose.check_fields` looks at each."""
    fields: dict[str, Any] = {"from": _sender(entry)}
    names: tuple[str, ...] = _CONTENT
    if raw := entry.get("raw"):
        if entry.get("attachments"):
            raise Invalid("attachments belong into raw when it is given", field="attachments")
        fields["raw"] = raw
        names = _ENVELOPE
        _check_beside_raw(entry)
    for name in names:
        if (value := entry.get(name)) is not None:
            fields[name] = value
    if not raw:
        _check_kind(fields)
        if headers := check_headers(entry.get("headers")):
            fields["headers"] = headers
    return fields


def _attach(
    entry: Mapping[str, Any], fields: dict[str, Any]
) -> tuple[tuple[Posted, ...], str | None]:
    """Put the attachments into `fields`; what is to be spooled, and their credentials."""
    if not (given := entry.get("attachments")):
        return (), None
    found = attached(given)
    fields["attachments"] = found.entries
    return found.contents, found.auth


def _check_beside_raw(entry: Mapping[str, Any]) -> None:
    """What a whole message makes superfluous is still shown, so it must be text."""
    for name in ("from_name", "subject"):
        if (value := entry.get(name)) is not None:
            check_line(value, field=name)
    if not parse_addresses(entry.get("to"), field="to"):
        raise Invalid("missing to", field="to")


def _check_kind(fields: Mapping[str, Any]) -> None:
    """Any text but `html` has always meant plain."""
    if (kind := fields.get("content_type")) is not None:
        check_text(kind, field="content_type")


def _deferred_ts(given: object) -> int | None:
    """Whole seconds, rounded up: a message is never early."""
    return None if given is None else math.ceil(_timestamp(given, "deferred_ts"))


def _expires_at(given: object, due_at: float) -> float | None:
    """Whole seconds, rounded down: a message is never late."""
    if given is None:
        return None
    expires_at = math.floor(_timestamp(given, "expires_ts"))
    if expires_at <= due_at:
        raise Invalid("expires_ts must be later than now and deferred_ts", field="expires_ts")
    return float(expires_at)


def _timestamp(given: object, field: str) -> int | float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise Invalid(f"{field} must be a number of seconds since the epoch", field=field)
    if not 0 <= given <= LATEST_TS:  # false for NaN too
        raise Invalid(f"{field} must be between 0 and {LATEST_TS}", field=field)
    return given


def _batch_code(given: object) -> str | None:
    return None if given is None or given == "" else check_batch_code(given)


def _return_path(entry: Mapping[str, Any], sender: Address) -> str:
    given = entry.get("return_path")
    if given is None or given == "":
        return sender.addr_spec
    if given == NULL_PATH:
        return ""
    address = parse_address(given, field="return_path").addr_spec
    envelope_address(address, field="return_path")
    return address


def _large_raw(fields: Mapping[str, Any]) -> CheckedRaw | None:
    given = fields.get("raw")
    is_large = isinstance(given, str) and len(given) > SPOOL_RAW_OVER_CHARS
    return checked_raw(given) if is_large else None


def rfc_message_id(
    fields: Mapping[str, Any], sender: Address, raw: CheckedRaw | None = None
) -> str:
    """raw: what was made of the field of that name, where that was large."""
    given = fields.get("raw")
    # A mapping: it lies in the spool, and was looked at when it was posted.
    own = given["message_id"] if isinstance(given, Mapping) else message_id_of(fields, raw)
    return own or message_id_for(sender.domain, _chance.octets(RANDOM_OCTETS))


def _recipients(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The envelope: to, cc and bcc in that order, each address once."""
    found: dict[str, None] = {}
    for field in ("to", "cc", "bcc"):
        for address in parse_addresses(fields.get(field), field=field):
            envelope_address(address.addr_spec, field=field)
            found[address.addr_spec] = None
    if len(found) > MAX_RECIPIENTS:
        raise Invalid(f"more than {MAX_RECIPIENTS} recipients", field="to")
    return tuple(found)
