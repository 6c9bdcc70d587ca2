"""What is taken of a posted attachment, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from mail_proxy.domain.attachment import Mode, read_attachments
from mail_proxy.domain.errors import Invalid

MD5 = "0123456789abcdef0123456789ABCDEF"


def entry(**fields: Any) -> dict[str, Any]:
    return {"filename": "a.txt", "storage_path": "base64:YQ==", **fields}


@pytest.mark.parametrize(
    ("path", "mode", "location", "server"),
    [
        ("base64:YQ==", Mode.BASE64, "YQ==", None),
        ("https://example.com/a", Mode.HTTP_URL, "https://example.com/a", None),
        ("HTTP://example.com/a", Mode.HTTP_URL, "HTTP://example.com/a", None),
        ("/srv/a.txt", Mode.FILESYSTEM, "/srv/a.txt", None),
        ("doc_id=5:x", Mode.ENDPOINT, "doc_id=5:x", None),
        (
            "[https://files.example.com/get]doc=5",
            Mode.ENDPOINT,
            "doc=5",
            "https://files.example.com/get",
        ),
    ],
)
def test_the_mode_is_inferred_from_the_path(
    path: str, mode: Mode, location: str, server: str | None
) -> None:
    (found,) = read_attachments([entry(storage_path=path)])
    assert (found.mode, found.location, found.server) == (mode, location, server)


def test_a_given_mode_wins_over_the_path() -> None:
    (found,) = read_attachments([entry(storage_path="a/b.txt", fetch_mode="filesystem")])
    assert (found.mode, found.location) == (Mode.FILESYSTEM, "a/b.txt")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (f"report_{{MD5:{MD5}}}.pdf", "report.pdf"),
        (f"a__{{MD5:{MD5}}}__b.pdf", "a_b.pdf"),
        (f"{{MD5:{MD5}}}_a.pdf", "a.pdf"),
        ("a__b_.pdf", "a__b_.pdf"),
    ],
)
def test_a_marker_is_taken_out_of_the_name(given: str, shown: str) -> None:
    (found,) = read_attachments([entry(filename=given)])
    assert found.filename == shown
    assert found.content_md5 == (MD5.lower() if "MD5" in given else None)


def test_the_field_wins_over_the_marker() -> None:
    (found,) = read_attachments([entry(filename=f"{{MD5:{MD5}}}a", content_md5="f" * 32)])
    assert found.content_md5 == "f" * 32


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"filename": ""}, "attachments[0].filename"),
        ({"filename": "x" * 256}, "attachments[0].filename"),
        ({"filename": "a\r\nBcc: x"}, "attachments[0].filename"),
        ({"filename": f"{{MD5:{MD5}}}"}, "attachments[0].filename"),
        ({"filename": None}, "attachments[0].filename"),
        ({"storage_path": None}, "attachments[0].storage_path"),
        ({"storage_path": ""}, "attachments[0].storage_path"),
        ({"storage_path": "a\nb"}, "attachments[0].storage_path"),
        ({"storage_path": "ftp://x/", "fetch_mode": "http_url"}, "attachments[0].storage_path"),
        (
            {"storage_path": "[http://x/]a", "fetch_mode": "filesystem"},
            "attachments[0].storage_path",
        ),
        ({"storage_path": "x" * 5000}, "attachments[0].storage_path"),
        ({"fetch_mode": "storage"}, "attachments[0].fetch_mode"),
        ({"fetch_mode": ["base64"]}, "attachments[0].fetch_mode"),
        ({"mime_type": "text"}, "attachments[0].mime_type"),
        ({"mime_type": "text/plain\r\nX: y"}, "attachments[0].mime_type"),
        ({"content_md5": "abc"}, "attachments[0].content_md5"),
        ({"content_id": "a b"}, "attachments[0].content_id"),
        ({"content_id": "<a>b>"}, "attachments[0].content_id"),
        ({"auth": "token"}, "attachments[0].auth"),
        ({"auth": {"method": "header"}}, "attachments[0].auth.method"),
        ({"auth": {"method": "bearer"}}, "attachments[0].auth.token"),
        (
            {"auth": {"method": "basic", "user": "u", "password": "a\nb"}},
            "attachments[0].auth.password",
        ),
        ({"spooled": [0, 1, "00"]}, "attachments[0]"),
        ({"disposition": "inline"}, "attachments[0]"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_attachments([entry(**wrong)])
    assert caught.value.field == field


def test_two_attachments_cannot_have_the_same_content_id() -> None:
    with pytest.raises(Invalid) as caught:
        read_attachments([entry(content_id="logo"), entry(content_id="<logo>")])
    assert caught.value.field == "attachments[1].content_id"


@pytest.mark.parametrize("given", ["a", {}, [5], [entry()] * 201])
def test_what_is_no_list_of_attachments_is_refused(given: object) -> None:
    with pytest.raises(Invalid, match="attachments"):
        read_attachments(given)
