"""The parts of a mail, checked, as both ways of writing it take them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from mail_proxy.compose.envelope import envelope_address
from mail_proxy.domain.address import Address, parse_address, parse_addresses
from mail_proxy.domain.bodies import read_bodies
from mail_proxy.domain.content import MailContent
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import check_headers, check_line, check_message_id

_MAX_KEPT_CHARS = 1000  # of a sender that is remembered

Fields = Mapping[str, Any]  # the JSON object that the application posted


class Stamp(NamedTuple):
    """What is fixed once, when a message is accepted, and is the same in each try.

    message_id: with angle brackets; left out where the caller's own is literal.
    date: seconds since the epoch.
    tracking_id: the caller's id, for X-Genro-Mail-ID.
    """

    message_id: str
    date: float
    tracking_id: str


class Built(NamedTuple):
    """A message for the wire: lines end with CRLF, dots are not doubled.

    data: octets, or where it holds files, what reads them while it is sent.
    is_ascii: no relay needs 8BITMIME for it.
    needs_smtputf8: a header holds a non-ASCII address; the envelope is looked at on its own.
    """

    data: bytes | MailContent
    is_ascii: bool
    needs_smtputf8: bool


class Mail(NamedTuple):
    """Checked fields. Domains are A-labels. One of `text` and `html` is not None, or both."""

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    text: str | None
    html: str | None
    headers: dict[str, str]
    message_id: str | None


def read_mail(fields: Fields) -> Mail:
    """Check `fields` and put them in order; raises Invalid with the field that is wrong."""
    headers = check_headers(fields.get("headers"))
    subject, reply_to = _overridden(headers)
    text, html = read_bodies(fields)
    message_id = fields.get("message_id") or None
    return Mail(
        sender=_sender(fields),
        to=_recipients(fields, "to"),
        cc=_recipients(fields, "cc"),
        reply_to=_recipients(fields, "reply_to") if reply_to is None else reply_to,
        subject=_subject(fields) if subject is None else subject,
        text=text,
        html=html,
        headers=headers,
        message_id=None if message_id is None else check_message_id(message_id),
    )


def _sender(fields: Fields) -> Address:
    if not (given := fields.get("from") or fields.get("from_addr")):
        raise Invalid("missing from", field="from")
    name = fields.get("from_name")
    if type(given) is str and len(given) <= _MAX_KEPT_CHARS and not name:
        return _known_sender(given)
    address = _wired(parse_address(given, field="from"), "from")
    return Address(check_line(name, field="from_name"), address.addr_spec) if name else address


@lru_cache(maxsize=256)
def _known_sender(given: str) -> Address:
    """An application has few, and each of its mails comes from one of them."""
    return _wired(parse_address(given, field="from"), "from")


def _recipients(fields: Fields, field: str) -> tuple[Address, ...]:
    addresses = parse_addresses(fields.get(field), field=field)
    if not addresses:
        if field == "to":
            raise Invalid("missing to", field="to")
        return ()
    return tuple([_wired(address, field) for address in addresses])


def _wired(address: Address, field: str) -> Address:
    if address.addr_spec.isascii():
        return address
    return Address(address.display, envelope_address(address.addr_spec, field=field))


def _subject(fields: Fields) -> str:
    if not (subject := fields.get("subject")):
        raise Invalid("missing subject", field="subject")
    return check_line(subject, field="subject")


def _overridden(headers: dict[str, str]) -> tuple[str | None, tuple[Address, ...] | None]:
    """Take Subject and Reply-To out of `headers`: there they replace the fields of those names."""
    if not headers:
        return None, None
    taken = {
        name.lower(): (name, headers.pop(name))
        for name in tuple(headers)
        if name.lower() in ("subject", "reply-to")
    }
    _, subject = taken.get("subject", ("", None))
    if "reply-to" not in taken:
        return subject, None
    name, value = taken["reply-to"]
    return subject, _recipients({f"headers.{name}": value}, f"headers.{name}")
