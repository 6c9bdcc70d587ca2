"""One entry for all mail: which way a message is written, and what of its fields is refused."""

from __future__ import annotations

from mail_proxy.compose.direct import write_mail
from mail_proxy.compose.mail import Built, Fields, Stamp, read_mail
from mail_proxy.compose.raw import read_raw, write_raw
from mail_proxy.domain.address import parse_addresses
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.message import check_message_id


def build(fields: Fields, stamp: Stamp) -> Built:
    """The message that `fields` ask for; raises Invalid with the field that is wrong.

    The same fields and stamp give the same octets, whenever and wherever they are put together.
    """
    if fields.get("raw"):
        return write_raw(read_raw(fields["raw"]), stamp)
    _check_attachments(fields)
    return write_mail(read_mail(fields), stamp)


def check_fields(fields: Fields) -> None:
    """Raise Invalid for whatever `build` would refuse, and a bad `bcc`, which it never reads."""
    _check_attachments(fields)
    parse_addresses(fields.get("bcc"), field="bcc")
    if fields.get("raw"):
        _ = read_raw(fields["raw"]).message_id
    else:
        read_mail(fields)


def message_id_of(fields: Fields) -> str | None:
    """The Message-ID that the caller has set, in its field or inside `raw`; None for ours."""
    if fields.get("raw"):
        return read_raw(fields["raw"]).message_id
    given = fields.get("message_id")
    return check_message_id(given) if given else None


def _check_attachments(fields: Fields) -> None:
    if fields.get("attachments"):
        raise Invalid("attachments are not supported yet", field="attachments")
