"""One entry for all mail: which way a message is written, and what of its fields is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mail_proxy.compose.direct import write_mail
from mail_proxy.compose.enclosing import Enclosed, write_enclosing
from mail_proxy.compose.mail import Built, Fields, Stamp, read_mail
from mail_proxy.compose.raw import CheckedRaw, read_raw, write_raw, write_spooled_raw
from mail_proxy.domain.address import parse_addresses
from mail_proxy.domain.attachment import read_attachments
from mail_proxy.domain.content import Content
from mail_proxy.domain.message import check_message_id


def build(
    fields: Fields,
    stamp: Stamp,
    contents: Sequence[Content] = (),
    raw: Content | None = None,
) -> Built:
    """The message that `fields` ask for; raises Invalid with the field that is wrong.

    contents: one for each of the attachments that `fields` name, in that order; none is read here.
    raw: the octets of a CheckedRaw, where the field `raw` only says where they are. Its head is
        read here, so then it may block; raises ContentChanged, OSError.
    The same fields, stamp and contents give the same octets, whenever and wherever they are put
    together.
    """
    if given := fields.get("raw"):
        if isinstance(given, Mapping) and raw is not None:
            return write_spooled_raw(raw, stamp, is_ascii=given["is_ascii"])
        return write_raw(read_raw(given), stamp)
    if not fields.get("attachments"):
        return write_mail(read_mail(fields), stamp)
    attachments = read_attachments(fields["attachments"])
    enclosed = [Enclosed(*pair) for pair in zip(attachments, contents, strict=True)]
    return write_enclosing(read_mail(fields), stamp, enclosed)


def check_fields(fields: Fields, raw: CheckedRaw | None = None) -> None:
    """Raise Invalid for whatever `build` would refuse, and a bad `bcc`, which it never reads.

    raw: what `checked_raw` made of the field of that name, which is then not looked at again.
    """
    read_attachments(fields.get("attachments"))
    parse_addresses(fields.get("bcc"), field="bcc")
    if not fields.get("raw"):
        read_mail(fields)
    elif raw is None:
        _ = read_raw(fields["raw"]).message_id


def message_id_of(fields: Fields, raw: CheckedRaw | None = None) -> str | None:
    """The Message-ID that the caller has set, in its field or inside `raw`; None for ours.

    raw: as for `check_fields`.
    """
    if fields.get("raw"):
        return read_raw(fields["raw"]).message_id if raw is None else raw.message_id
    given = fields.get("message_id")
    return check_message_id(given) if given else None
