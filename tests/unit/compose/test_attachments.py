"""How attachments stand in a mail, and that they read back as what they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from mail_proxy.compose import Built, Stamp, build, check_fields
from mail_proxy.domain.attachment import Attachment, Mode
from mail_proxy.domain.content import BLOCK_BYTES, BytesContent, Content
from mail_proxy.domain.errors import Invalid
from mail_proxy.domain.media_types import media_type

Fields = dict[str, Any]
HTML = {"html": '<p><img src="cid:logo"><b style="background: url(cid:b%40x)">\n'}


class OnDisk:
    """Octets that are not known to be in memory."""

    def __init__(self, data: bytes) -> None:
        self._inner = BytesContent(data)
        self.size_bytes = len(data)

    def blocks(self) -> Iterator[bytes]:
        return self._inner.blocks()


def file(name: str = "a.pdf", **more: str) -> dict[str, str]:
    return {"filename": name, "storage_path": f"/files/{name}", **more}


def octets(built: Built) -> bytes:
    """What goes on the wire, once the promises of a content were looked at."""
    if isinstance(built.data, bytes):
        return built.data
    data = b"".join(built.data.blocks())
    assert built.data.size_bytes == len(data)
    assert built.data.is_ascii == built.is_ascii == data.isascii()
    return data


def sent(
    fields: Fields, stamp: Stamp, files: list[dict[str, str]], contents: list[bytes]
) -> EmailMessage:
    """Read back from what is built; both ways of holding the contents give the same octets."""
    fields = fields | {"attachments": files}
    data = octets(build(fields, stamp, [OnDisk(content) for content in contents]))
    again = octets(build(fields, stamp, [BytesContent(content) for content in contents]))
    assert data == again
    assert data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n")
    assert data.endswith(b"\r\n")
    message = message_from_bytes(data, policy=default)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def tree(message: Any) -> Any:
    """Types, and of a multipart those of its parts."""
    if not message.is_multipart():
        return message.get_content_type()
    return (message.get_content_subtype(), *[tree(part) for part in message.iter_parts()])


LOGO = file("logo.png", content_id="logo")
SHOWN = {"body": '<img src="cid:logo">', "html": True}
PDF = "application/pdf"


@pytest.mark.parametrize(
    ("more", "files", "shape"),
    [
        ({}, [file()], ("mixed", "text/plain", PDF)),
        ({}, [file(), file()], ("mixed", "text/plain", PDF, PDF)),
        ({"html": True}, [file()], ("mixed", "text/html", PDF)),
        (HTML, [file()], ("mixed", ("alternative", "text/plain", "text/html"), PDF)),
        (
            HTML,
            [LOGO],
            ("alternative", "text/plain", ("related", "text/html", "image/png")),
        ),
        (
            HTML,
            [file(), LOGO, file("b.png", content_id="b@x"), file("c.zip")],
            (
                "mixed",
                (
                    "alternative",
                    "text/plain",
                    ("related", "text/html", "image/png", "image/png"),
                ),
                PDF,
                "application/zip",
            ),
        ),
        (SHOWN, [LOGO], ("related", "text/html", "image/png")),
        (SHOWN, [LOGO, file()], ("mixed", ("related", "text/html", "image/png"), PDF)),
        (SHOWN, [file(content_id="c1")], ("mixed", "text/html", PDF)),
        (
            SHOWN,
            [file(content_id="log"), LOGO],
            ("mixed", ("related", "text/html", "image/png"), PDF),
        ),
        ({}, [LOGO], ("mixed", "text/plain", "image/png")),
        ({"body": ""}, [file()], ("mixed", "text/plain", PDF)),
    ],
)
def test_texts_come_first_images_stand_with_the_html_and_files_behind(
    fields: Fields, stamp: Stamp, more: Fields, files: list[Any], shape: Any
) -> None:
    contents = [os.urandom(50 + n) for n in range(len(files))]
    message = sent(fields | more, stamp, files, contents)
    assert tree(message) == shape
    found = {
        part.get_payload(decode=True) for part in message.walk() if part.get_content_disposition()
    }
    assert found == set(contents)
    assert sum(1 for part in message.walk() if part["MIME-Version"]) == 1


def test_a_mail_with_a_file_is_written_line_by_line(fields: Fields, stamp: Stamp) -> None:
    built = build(fields | {"attachments": [file()]}, stamp, [BytesContent(b"x" * 58)])
    head, _, rest = octets(built).decode().partition("MIME-Version: 1.0\r\n")
    assert head == build(fields, stamp).data.decode().partition("MIME-Version")[0]
    boundary = message_from_bytes(octets(built), policy=default).get_boundary()
    assert rest.split("\r\n") == [
        "Content-Type: multipart/mixed;",
        f' boundary="{boundary}"',
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: 7bit",
        "",
        "Thank you.",
        "",
        f"--{boundary}",
        "Content-Type: application/pdf",
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="a.pdf"',
        "",
        "eHh4" * 19,
        "eA==",
        "",
        f"--{boundary}--",
        "",
    ]


def test_an_image_is_inline_and_has_the_id_that_the_html_names(
    fields: Fields, stamp: Stamp
) -> None:
    message = sent(fields | HTML, stamp, [LOGO], [b"png"])
    image = next(part for part in message.walk() if part["Content-ID"])
    assert image["Content-ID"] == "<logo>"
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "logo.png"
    related = next(part for part in message.walk() if part.get_content_subtype() == "related")
    assert related.get_param("type") == "text/html"


def test_without_html_an_image_is_a_file_and_keeps_its_id(fields: Fields, stamp: Stamp) -> None:
    (image,) = sent(fields, stamp, [LOGO], [b"png"]).iter_attachments()
    assert image["Content-ID"] == "<logo>"
    assert image.get_content_disposition() == "attachment"


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("a.pdf", None, "application/pdf"),
        ("A.PDF", None, "application/pdf"),
        ("a.csv", None, "text/csv"),
        ("a.tar.gz", None, "application/gzip"),
        ("a.svg", None, "image/svg+xml"),
        ("a.docx", None, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a", None, "application/octet-stream"),
        (".pdf", None, "application/octet-stream"),
        ("a.unheard-of", None, "application/octet-stream"),
        ("data:text/html,a.pdf", None, "application/pdf"),
        ("a.pdf", "image/png", "image/png"),
        ("a.eml", None, "application/octet-stream"),
        ("a.txt", "Message/RFC822", "application/octet-stream"),
        ("a.txt", "multipart/mixed", "application/octet-stream"),
    ],
)
def test_the_type_is_the_given_one_or_that_of_the_name(
    fields: Fields, stamp: Stamp, name: str, given: str | None, kind: str
) -> None:
    more = {"mime_type": given} if given else {}
    (part,) = sent(fields, stamp, [file(name, **more)], [b"From: a@b\n\nbody"]).iter_attachments()
    assert part.get_content_type() == kind
    assert part.get_content_charset() is None
    assert part["Content-Transfer-Encoding"] == "base64"
    assert part.get_payload(decode=True) == b"From: a@b\n\nbody"


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 1000, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
def test_a_file_of_any_size_reads_back(fields: Fields, stamp: Stamp, size: int) -> None:
    content = os.urandom(size)
    (part,) = sent(fields, stamp, [file()], [content]).iter_attachments()
    assert part.get_payload(decode=True) == content


def test_lines_of_a_file_have_76_characters(fields: Fields, stamp: Stamp) -> None:
    built = build(fields | {"attachments": [file()]}, stamp, [OnDisk(os.urandom(100_000))])
    assert max(map(len, octets(built).split(b"\r\n"))) == 76


def test_small_contents_in_memory_make_a_mail_in_memory(fields: Fields, stamp: Stamp) -> None:
    files = fields | {"attachments": [file(), file()]}
    small: list[Content] = [BytesContent(b"a"), BytesContent(b"b" * 1000)]
    assert isinstance(build(files, stamp, small).data, bytes)
    assert not isinstance(build(files, stamp, [small[0], OnDisk(b"b")]).data, bytes)
    large = BytesContent(b"b" * 100_000)
    assert not isinstance(build(files, stamp, [small[0], large]).data, bytes)


def test_every_try_sends_the_same_octets(fields: Fields, stamp: Stamp) -> None:
    fields = fields | HTML | {"attachments": [file(), LOGO]}
    contents = [OnDisk(b"one"), OnDisk(b"two")]
    built = build(fields, stamp, contents)
    assert octets(built) == octets(built) == octets(build(dict(fields), stamp, contents))


def test_levels_have_boundaries_of_their_own_and_none_stands_in_a_text(
    fields: Fields, stamp: Stamp
) -> None:
    files = [file(), LOGO]
    first = sent(fields | HTML, stamp, files, [b"a", b"b"])
    boundaries = [part.get_boundary() for part in first.walk() if part.is_multipart()]
    assert len({*boundaries}) == 3
    hostile = {"body": "\n".join(f"--{boundary}--" for boundary in boundaries) + "\n"}
    second = sent(fields | HTML | hostile, stamp, files, [b"a", b"b"])
    assert tree(second) == tree(first)
    plain = next(part for part in second.walk() if part.get_content_type() == "text/plain")
    assert plain.get_payload(decode=True).decode().replace("\r\n", "\n") == hostile["body"]


def test_an_international_name_in_the_header_is_all_that_needs_more_than_ascii(
    fields: Fields, stamp: Stamp
) -> None:
    files = {"attachments": [file("\u00e9.pdf")]}
    assert build(fields | files, stamp, [OnDisk(b"")]).is_ascii
    built = build(fields | files | {"to": "j\u00f6rg@example.org"}, stamp, [OnDisk(b"")])
    assert (built.is_ascii, built.needs_smtputf8) == (False, True)
    assert octets(built)


def test_there_is_one_content_for_each_attachment(fields: Fields, stamp: Stamp) -> None:
    for contents in ([], [OnDisk(b"")] * 2):
        with pytest.raises(ValueError, match="argument 2 is"):
            build(fields | {"attachments": [file()]}, stamp, contents)


def test_attachments_are_looked_at_when_accepted(fields: Fields) -> None:
    check_fields(fields | {"attachments": [file(), LOGO]})
    with pytest.raises(Invalid) as refused:
        check_fields(fields | {"attachments": [file(), file("a\nb")]})
    assert refused.value.field == "attachments[1].filename"


def test_a_type_is_never_one_that_may_not_be_in_base64() -> None:
    for kind in ("message/rfc822", "MULTIPART/x", "message/delivery-status"):
        attachment = Attachment("a.pdf", Mode.HTTP_URL, mime_type=kind)
        assert media_type(attachment) == "application/octet-stream"
